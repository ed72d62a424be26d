//! Opening files: plain or gzip-compressed, read line by line with line numbers.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use surprisal_core::{Blame, Diagnose, closest};

/// A file that could not be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// There is no such file.
    #[error("no such file: {}", file.display())]
    Missing {
        /// The file asked for.
        file: PathBuf,
    },
    /// The system refused to open the file.
    #[error("cannot open {}: {source}", file.display())]
    Open {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Reading stopped in the middle.
    #[error("cannot read {} beyond line {line}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The last line that was read, counted from 1.
        line: usize,
        /// Why.
        source: io::Error,
    },
    /// The bytes of a line are not text.
    #[error("{}:{line}: the line is not UTF-8 text", file.display())]
    NotText {
        /// The file.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
    },
}

impl Diagnose for SourceError {
    fn blame(&self) -> Blame {
        match self {
            Self::Missing { .. } | Self::Open { .. } | Self::NotText { .. } => Blame::User,
            // A broken archive or a folder is the user's; a failing disk is not.
            Self::Read { source, .. } => match source.kind() {
                io::ErrorKind::InvalidData
                | io::ErrorKind::InvalidInput
                | io::ErrorKind::UnexpectedEof
                | io::ErrorKind::IsADirectory => Blame::User,
                _ => Blame::Program,
            },
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { file } => Some(missing_hint(file)),
            Self::Open { .. } => None,
            Self::Read { source, .. } => match source.kind() {
                io::ErrorKind::UnexpectedEof => Some("the compressed file is cut short; copy it again".into()),
                io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                    Some("the compressed file is damaged; copy it again".into())
                }
                _ => None,
            },
            Self::NotText { .. } => Some("only text files, plain or gzip-compressed, can be read here".into()),
        }
    }
}

fn missing_hint(file: &Path) -> String {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let Ok(entries) = std::fs::read_dir(folder) else {
        return format!("the folder {} does not exist either; relative paths start at `data_root`", folder.display());
    };
    let mut names: Vec<String> = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let wanted = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match closest(&wanted, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {}?", folder.join(near).display()),
        None => "relative paths start at `data_root`".into(),
    }
}

/// Opens a file; gzip is recognised by its first two bytes, whatever the file is called.
pub(crate) fn open(file: &Path) -> Result<Box<dyn BufRead>, SourceError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => SourceError::Missing { file: file.to_path_buf() },
        _ => SourceError::Open { file: file.to_path_buf(), source },
    };
    let mut plain = BufReader::with_capacity(1 << 16, File::open(file).map_err(failed)?);
    let compressed = plain.fill_buf().map_err(failed)?.starts_with(&[0x1f, 0x8b]);
    if compressed {
        return Ok(Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(plain))));
    }
    Ok(Box::new(plain))
}

/// The whole text of a file, uncompressed and without a byte-order mark.
pub(crate) fn read_text(file: &Path) -> Result<String, SourceError> {
    let mut bytes = vec![];
    let newlines = |bytes: &[u8]| bytes.iter().filter(|&&b| b == b'\n').count();
    open(file)?.read_to_end(&mut bytes).map_err(|source| SourceError::Read {
        file: file.to_path_buf(),
        line: 0,
        source,
    })?;
    let start = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    match std::str::from_utf8(&bytes[start..]) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(SourceError::NotText {
            file: file.to_path_buf(),
            line: newlines(&bytes[..start + error.valid_up_to()]) + 1,
        }),
    }
}

/// The lines of a file, one at a time into one buffer.
pub(crate) struct Lines {
    file: PathBuf,
    reader: Box<dyn BufRead>,
    buffer: Vec<u8>,
    number: usize,
    peeked: bool,
}

impl Lines {
    /// Opens the file.
    pub(crate) fn open(file: &Path) -> Result<Self, SourceError> {
        Ok(Self { file: file.to_path_buf(), reader: open(file)?, buffer: vec![], number: 0, peeked: false })
    }

    /// The file.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Number of the line last returned, counted from 1.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// The next line without its end (`\n` or `\r\n`); `None` at the end of the file.
    pub(crate) fn advance(&mut self) -> Result<Option<&str>, SourceError> {
        if self.peeked {
            self.peeked = false;
        } else {
            self.fill()?;
        }
        if self.buffer.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        self.text(self.number).map(Some)
    }

    /// The line [`Lines::advance`] will return.
    pub(crate) fn peek(&mut self) -> Result<Option<&str>, SourceError> {
        if !self.peeked {
            self.fill()?;
            self.peeked = true;
        }
        if self.buffer.is_empty() {
            return Ok(None);
        }
        self.text(self.number + 1).map(Some)
    }

    fn fill(&mut self) -> Result<(), SourceError> {
        self.buffer.clear();
        self.reader.read_until(b'\n', &mut self.buffer).map_err(|source| SourceError::Read {
            file: self.file.clone(),
            line: self.number,
            source,
        })?;
        if self.number == 0 && self.buffer.starts_with(b"\xef\xbb\xbf") {
            self.buffer.drain(..3);
        }
        Ok(())
    }

    fn text(&self, line: usize) -> Result<&str, SourceError> {
        let bytes = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        std::str::from_utf8(bytes).map_err(|_| SourceError::NotText { file: self.file.clone(), line })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lose_their_ends_and_keep_their_numbers() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("a.txt");
        std::fs::write(&file, "\u{feff}one\r\n\ntwo")?;
        let mut lines = Lines::open(&file)?;
        assert_eq!(lines.advance()?, Some("one"));
        assert_eq!(lines.peek()?, Some(""));
        assert_eq!(lines.number(), 1);
        assert_eq!(lines.advance()?, Some(""));
        assert_eq!(lines.advance()?, Some("two"));
        assert_eq!(lines.number(), 3);
        assert_eq!(lines.advance()?, None);
        assert_eq!(lines.peek()?, None);
        Ok(())
    }
}
