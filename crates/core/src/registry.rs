//! One registry per family: names in the configuration, the struct behind each, the trait they share.

/// Writes the serde enum of a family, its list of names and the way to its trait.
///
/// The struct of an entry *is* its configuration and implements the family's trait:
///
/// ```
/// use surprisal_core::registry;
/// use serde::{Deserialize, Serialize};
/// use schemars::JsonSchema;
///
/// pub trait Shape { fn area(&self) -> f64; }
///
/// #[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
/// #[serde(deny_unknown_fields)]
/// pub struct Square { pub side: f64 }
/// impl Shape for Square { fn area(&self) -> f64 { self.side * self.side } }
///
/// registry! {
///     /// Every shape.
///     pub enum ShapeConfig: dyn Shape {
///         "square" => Square,
///     }
/// }
/// assert_eq!(ShapeConfig::NAMES, ["square"]);
/// let shape = ShapeConfig::Square(Square { side: 2.0 });
/// assert_eq!((shape.name(), shape.get().area()), ("square", 4.0));
/// ```
#[macro_export]
macro_rules! registry {
    ($(#[$meta:meta])* pub enum $family:ident: dyn $trait:path { $($(#[$doc:meta])* $name:literal => $entry:ident,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        pub enum $family {
            $(
                #[doc = concat!("The `", $name, "` entry.")]
                $(#[$doc])*
                #[serde(rename = $name)]
                $entry($entry),
            )+
        }

        impl $family {
            /// Every name, in the order of the registry.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// The name of this entry in a configuration.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$entry(_) => $name,)+ }
            }

            /// The entry as what its family does.
            pub fn get(&self) -> &(dyn $trait + 'static) {
                match self { $(Self::$entry(entry) => entry,)+ }
            }
        }
    };
}
