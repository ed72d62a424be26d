//! The columns of an extended XYZ frame: `Properties=species:S:1:pos:R:3:forces:R:3`.
//!
//! Each property is `name:type:count` with type S (word), R (real), I (integer) or L (logical).

use super::error::Fault;

/// Where a frame of plain XYZ keeps its columns.
pub(super) const PLAIN: &str = "species:S:1:pos:R:3";

/// What one field of an atom's line is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Field {
    /// Not needed here.
    Skip,
    /// A chemical symbol.
    Symbol,
    /// An atomic number.
    Number,
    /// A component of the position.
    Position(usize),
    /// A component of the force.
    Force(usize),
}

/// What the fields of a frame's lines are.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Columns {
    /// One per field.
    pub(super) fields: Vec<Field>,
    /// Whether forces are among them.
    pub(super) has_forces: bool,
    /// Whether more fields than these may follow, as in plain XYZ.
    pub(super) open_ended: bool,
    properties: Vec<Property>,
}

#[derive(Debug, Clone, PartialEq)]
struct Property {
    name: String,
    kind: char,
    width: usize,
}

impl Columns {
    /// Reads the value of `Properties`; `forces` is the property that holds forces, if they are
    /// wanted. With the usual name `forces`, `force` will do as well.
    pub(super) fn parse(properties: &str, forces: Option<&str>) -> Result<Self, Fault> {
        let parts: Vec<&str> = properties.split(':').map(str::trim).collect();
        let malformed = || Fault::Properties { found: properties.to_owned() };
        if !parts.len().is_multiple_of(3) {
            return Err(malformed());
        }
        let property = |part: &[&str]| {
            let kind = part[1].chars().next().filter(|k| part[1].len() == 1 && "SRIL".contains(*k))?;
            let width = part[2].parse().ok().filter(|&w| w > 0)?;
            Some(Property { name: part[0].to_owned(), kind, width })
        };
        let properties: Option<Vec<Property>> = parts.chunks_exact(3).map(property).collect();
        Self::assign(properties.ok_or_else(malformed)?, forces)
    }

    fn assign(properties: Vec<Property>, forces: Option<&str>) -> Result<Self, Fault> {
        let find = |names: &[&str]| names.iter().find_map(|name| properties.iter().position(|p| p.name == *name));
        let symbols = find(&["species", "symbols"]);
        let numbers = find(&["Z", "numbers"]);
        let missing = |wanted| Fault::NoColumn { wanted, available: describe(&properties) };
        let species = symbols.or(numbers).ok_or_else(|| missing("species"))?;
        let positions = find(&["pos", "positions"]).ok_or_else(|| missing("pos"))?;
        let forces = match forces {
            Some("forces") => find(&["forces", "force"]),
            Some(key) => find(&[key]),
            None => None,
        };
        for (index, width) in [(Some(species), 1), (Some(positions), 3), (forces, 3)] {
            let Some(property) = index.map(|i| &properties[i]) else { continue };
            if property.width != width {
                return Err(Fault::Width { column: property.name.clone(), expected: width, found: property.width });
            }
        }
        let mut fields = vec![];
        for (i, property) in properties.iter().enumerate() {
            fields.extend((0..property.width).map(|axis| {
                if i == positions {
                    Field::Position(axis)
                } else if Some(i) == forces {
                    Field::Force(axis)
                } else if i == species {
                    if Some(i) == symbols { Field::Symbol } else { Field::Number }
                } else {
                    Field::Skip
                }
            }));
        }
        Ok(Self { fields, has_forces: forces.is_some(), open_ended: false, properties })
    }

    /// The name of the property a field belongs to.
    pub(super) fn name_of(&self, field: usize) -> &str {
        let mut end = 0;
        let property = self.properties.iter().find(|p| {
            end += p.width;
            field < end
        });
        property.map_or("", |p| &p.name)
    }

    /// `species:S:1, pos:R:3`.
    pub(super) fn description(&self) -> Vec<String> {
        describe(&self.properties)
    }

    /// Names of the properties that could be forces: three reals that are not the positions.
    pub(super) fn fit_for_forces(&self) -> Vec<String> {
        let position = |p: &Property| matches!(p.name.as_str(), "pos" | "positions");
        let fits = self.properties.iter().filter(|p| p.width == 3 && p.kind == 'R' && !position(p));
        fits.map(|p| p.name.clone()).collect()
    }
}

fn describe(properties: &[Property]) -> Vec<String> {
    properties.iter().map(|p| format!("{}:{}:{}", p.name, p.kind, p.width)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_in_any_order_and_under_any_of_their_names() {
        use Field::*;
        let columns = Columns::parse("id:I:1:force:R:3:positions:R:3:fixed:L:1:Z:I:1", Some("forces")).expect("right");
        let expected = [Skip, Force(0), Force(1), Force(2), Position(0), Position(1), Position(2), Skip, Number];
        assert_eq!(columns.fields, expected);
        assert_eq!((columns.name_of(0), columns.name_of(3), columns.name_of(8)), ("id", "force", "Z"));
    }

    #[test]
    fn symbols_go_before_numbers_and_other_triples_are_candidates() {
        let columns = Columns::parse("species:S:1:Z:I:1:pos:R:3:dft_forces:R:3", Some("forces")).expect("right");
        assert_eq!(columns.fields[..2], [Field::Symbol, Field::Skip]);
        assert!(!columns.has_forces);
        assert_eq!(columns.fit_for_forces(), ["dft_forces"]);
    }

    #[test]
    fn malformed_properties_are_refused() {
        for text in ["species:S", "species:S:1:pos:R", "species:S:1:pos:Q:3", "species:S:0:pos:R:3", "", "a:SS:1"] {
            assert!(Columns::parse(text, None).is_err(), "{text}");
        }
    }
}
