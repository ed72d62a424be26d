//! HDF5 calls of the run file, with the file and object named in every error.
//!
//! Growing datasets: a curve is cut into chunks of 256 evaluations, uncompressed, so that a chunk is
//! rewritten in place; a per-sample curve has chunks of one evaluation × up to 8192 samples,
//! shuffled and compressed, so that a chunk is written once and never moved. Fixed datasets are
//! contiguous and allocated when they are created: filling them changes no metadata.
//!
//! Text is stored as variable-length UTF-8, whose bytes live outside the object header: a
//! provenance with a long diff may exceed the 64 KiB that a header message can hold.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use hdf5::dataset::{AllocTime, FillTime};
use hdf5::types::VarLenUnicode;
use hdf5::{Dataset, Extent, File, H5Type, Location};

use super::RunFileError;
use super::layout::{Element, Item};

const CURVE_CHUNK: usize = 256;
const SAMPLE_CHUNK: usize = 8192;
const COMPRESSION: u8 = 4;
/// Twice this many chunks are indexed by one node. Splitting a node is the one moment in which rows
/// that count are between two places, so it should not happen in an ordinary run.
const CHUNK_INDEX_RANK: u32 = 512;
/// Space is taken from the file in blocks of this many bytes. The end of the file is recorded after
/// everything that a flush writes: a writer that is killed in between would leave chunks beyond the end
/// that its file admits to. With blocks that end is ahead of nearly all of them.
const BLOCK: u64 = 1 << 20;

/// An open file that knows its path.
#[derive(Debug)]
pub(super) struct Storage {
    pub(super) path: PathBuf,
    pub(super) file: File,
}

impl Storage {
    pub(super) fn create(path: &Path) -> Result<Self, RunFileError> {
        if path.exists() {
            return Err(RunFileError::Exists { path: path.to_owned() });
        }
        let mut options = File::with_options();
        options.with_fcpl(|creation| creation.istore_k(CHUNK_INDEX_RANK));
        options.with_fapl(|access| access.meta_block_size(BLOCK).small_data_block_size(BLOCK));
        Self::opened(path, options.create_excl(path))
    }

    pub(super) fn open(path: &Path) -> Result<Self, RunFileError> {
        Self::existing(path)?;
        Self::opened(path, File::open(path))
    }

    fn existing(path: &Path) -> Result<(), RunFileError> {
        if path.exists() { Ok(()) } else { Err(RunFileError::NotFound { path: path.to_owned() }) }
    }

    fn opened(path: &Path, file: hdf5::Result<File>) -> Result<Self, RunFileError> {
        let file = file.map_err(|source| RunFileError::Open { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), file })
    }

    pub(super) fn missing(&self, object: &str) -> RunFileError {
        RunFileError::Missing { path: self.path.clone(), object: object.to_owned() }
    }

    pub(super) fn shape_error(&self, object: &str, expected: &[usize], found: &[usize]) -> RunFileError {
        RunFileError::Shape {
            path: self.path.clone(),
            object: object.to_owned(),
            expected: expected.to_vec(),
            found: found.to_vec(),
        }
    }

    pub(super) fn attribute_error(&self, object: &str, reason: impl Into<String>) -> RunFileError {
        RunFileError::Attribute { path: self.path.clone(), object: object.to_owned(), reason: reason.into() }
    }

    /// Names the file, the object and the attempt in an HDF5 error.
    pub(super) fn check<T>(
        &self,
        action: &'static str,
        object: &str,
        result: hdf5::Result<T>,
    ) -> Result<T, RunFileError> {
        result.map_err(|source| RunFileError::Hdf5 {
            path: self.path.clone(),
            object: object.to_owned(),
            action,
            source,
        })
    }

    pub(super) fn flush(&self) -> Result<(), RunFileError> {
        self.check("flush", "/", self.file.flush())
    }

    pub(super) fn create_group(&self, path: &str) -> Result<(), RunFileError> {
        if self.file.link_exists(path) {
            return Ok(());
        }
        self.check("create", path, self.file.create_group(path)).map(drop)
    }

    pub(super) fn create_item(&self, item: &Item) -> Result<(), RunFileError> {
        let dataset = match item.element {
            Element::F64 => self.create_dataset(item, Some(f64::NAN)),
            Element::I64 => self.create_dataset(item, Some(-1_i64)),
            Element::U32 => self.create_dataset::<u32>(item, None),
            Element::U8 => self.create_dataset::<u8>(item, None),
        }?;
        if let Some(unit) = item.unit {
            self.write_text(&dataset, "unit", unit)?;
        }
        Ok(())
    }

    fn create_dataset<T>(&self, item: &Item, fill: Option<T>) -> Result<Dataset, RunFileError>
    where
        T: H5Type + Into<hdf5::types::OwnedDynValue>,
    {
        let mut builder = self.file.new_dataset::<T>();
        if let Some(fill) = fill {
            builder = builder.fill_value(fill);
        }
        let mut extents: Vec<Extent> = item.shape.iter().map(|&n| Extent::from(n)).collect();
        if item.per_evaluation {
            extents.insert(0, Extent::resizable(0));
            builder = match item.shape.first() {
                Some(&n) => builder.chunk((1, n.clamp(1, SAMPLE_CHUNK))).shuffle().deflate(COMPRESSION),
                None => builder.chunk(CURVE_CHUNK),
            };
        }
        // For a growing dataset this makes the index of its chunks now.
        builder = builder.alloc_time(Some(AllocTime::Early)).fill_time(FillTime::Alloc);
        let shape = hdf5::SimpleExtents::from_vec(extents);
        self.check("create", &item.path, builder.shape(shape).create(item.path.as_str()))
    }

    pub(super) fn dataset(&self, path: &str) -> Result<Dataset, RunFileError> {
        if !self.exists(path) {
            return Err(self.missing(path));
        }
        self.check("open", path, self.file.dataset(path))
    }

    /// Whether an object exists; unlike HDF5's own question it may be asked of a path whose parent
    /// does not exist.
    pub(super) fn exists(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        (1..=parts.len()).all(|n| self.file.link_exists(&format!("/{}", parts[..n].join("/"))))
    }

    /// Fills a whole dataset, row-major.
    pub(super) fn fill<T: H5Type>(&self, path: &str, values: &[T]) -> Result<(), RunFileError> {
        let dataset = self.dataset(path)?;
        let shape = dataset.shape();
        if shape.iter().product::<usize>() != values.len() {
            return Err(self.shape_error(path, &shape, &[values.len()]));
        }
        if values.is_empty() {
            return Ok(());
        }
        self.check("write", path, dataset.write_raw(values))
    }

    /// Reads a whole dataset, row-major, with its shape.
    pub(super) fn read<T: H5Type>(&self, path: &str) -> Result<(Vec<T>, Vec<usize>), RunFileError> {
        let dataset = self.dataset(path)?;
        let shape = dataset.shape();
        if shape.contains(&0) {
            return Ok((vec![], shape));
        }
        Ok((self.check("read", path, dataset.read_raw())?, shape))
    }

    /// Reads some leading rows of a dataset, row-major, and nothing of the others.
    pub(super) fn read_rows<T: H5Type + Clone>(&self, path: &str, rows: Range<usize>) -> Result<Vec<T>, RunFileError> {
        let dataset = self.dataset(path)?;
        let shape = dataset.shape();
        if shape.first().is_none_or(|&n| n < rows.end) {
            return Err(self.shape_error(path, &[rows.end], &shape));
        }
        if rows.is_empty() || shape.contains(&0) {
            return Ok(vec![]);
        }
        let values = if shape.len() == 1 {
            dataset.read_slice_1d::<T, _>(rows).map(|a| a.iter().cloned().collect())
        } else {
            dataset.read_slice_2d::<T, _>((rows, ..)).map(|a| a.iter().cloned().collect())
        };
        self.check("read", path, values)
    }

    pub(super) fn write_text(&self, location: &Location, name: &str, text: &str) -> Result<(), RunFileError> {
        let value = VarLenUnicode::from_str(text).map_err(|e| self.attribute_error(name, e.to_string()))?;
        self.write_attribute(location, name, &value)
    }

    pub(super) fn write_attribute<T: H5Type>(
        &self,
        location: &Location,
        name: &str,
        value: &T,
    ) -> Result<(), RunFileError> {
        let written = location.new_attr::<T>().create(name).and_then(|attribute| attribute.write_scalar(value));
        self.check("write attribute", name, written)
    }

    pub(super) fn read_text(&self, location: &Location, name: &str) -> Result<String, RunFileError> {
        let attribute = location.attr(name).map_err(|_| self.missing(&format!("{}@{name}", location.name())))?;
        let value: VarLenUnicode = self.check("read attribute", name, attribute.read_scalar())?;
        Ok(value.as_str().to_owned())
    }

    /// A list of names, stored as JSON because HDF5 lists its members alphabetically.
    pub(super) fn read_names(&self, location: &Location, name: &str) -> Result<Vec<String>, RunFileError> {
        let text = self.read_text(location, name)?;
        serde_json::from_str(&text).map_err(|e| self.attribute_error(name, e.to_string()))
    }

    pub(super) fn write_names<S: serde::Serialize>(
        &self,
        location: &Location,
        name: &str,
        names: &[S],
    ) -> Result<(), RunFileError> {
        let text = serde_json::to_string(names).map_err(|e| self.attribute_error(name, e.to_string()))?;
        self.write_text(location, name, &text)
    }
}
