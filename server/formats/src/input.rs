//! The bytes of a file, unpacked while they are read.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read, Seek},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::bufread::MultiGzDecoder;

use crate::{FileError, archive};

/// RFC 1952, section 2.3.1.
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
/// APPNOTE.TXT of PKWARE, sections 4.3.7, 4.3.16 and 8.5.4: a local file, an archive without any, one of several parts.
const ZIP_MAGICS: [&[u8]; 3] = [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"];
const BUFFER: usize = 128 * 1024;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// RFC 1952, one member or several.
    Gzip,
    /// An archive with one file in it.
    Zip,
}

impl Packing {
    /// The name in messages.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Zip => "ZIP",
        }
    }
}

/// How much of a file has been read, packed; shared with who watches. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Bytes>);

#[derive(Debug, Default)]
struct Bytes {
    read: AtomicU64,
    size: AtomicU64,
}

impl Progress {
    /// Bytes read so far.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.0.read.load(Ordering::Relaxed)
    }

    /// Bytes in all; none for a pipe.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        Some(self.0.size.load(Ordering::Relaxed)).filter(|size| *size > 0)
    }

    pub(crate) fn set_size(&self, size: u64) {
        self.0.size.store(size, Ordering::Relaxed);
    }
}

/// What is read, and what was seen of it.
pub struct Input {
    pub(crate) reader: Box<dyn BufRead + Send>,
    pub(crate) packing: Packing,
    pub(crate) progress: Progress,
}

impl Input {
    /// Opens a file. Whether it is packed is told by its first bytes, not by its name.
    ///
    /// # Errors
    /// [`FileError::Open`].
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let file = File::open(path).map_err(|error| FileError::open(&error))?;
        let metadata = file.metadata().map_err(|error| FileError::open(&error))?;
        if metadata.is_dir() {
            return Err(FileError::Open("is a directory, not a file".to_owned()));
        }
        Self::from_reader(file, Some(metadata.len()).filter(|_| metadata.is_file()))
    }

    /// Takes the bytes from a stream that cannot be sought in, as standard input: plain or gzip.
    ///
    /// # Errors
    /// [`FileError::Open`]: a ZIP archive has its directory at the end.
    pub fn from_stream<R: Read + Send + 'static>(mut reader: R) -> Result<Self, FileError> {
        let head = first_bytes(&mut reader)?;
        if ZIP_MAGICS.contains(&head.as_slice()) {
            return Err(FileError::Open("a ZIP archive cannot be read from a pipe".to_owned()));
        }
        Ok(Self::unpacked(head, reader, Progress::default()))
    }

    /// Takes the bytes from elsewhere, from the beginning. Only for an archive they are sought in.
    ///
    /// # Errors
    /// [`FileError::Open`].
    pub fn from_reader<R: Read + Seek + Send + 'static>(
        mut reader: R,
        size: Option<u64>,
    ) -> Result<Self, FileError> {
        let head = first_bytes(&mut reader)?;
        let progress = Progress::default();
        if ZIP_MAGICS.contains(&head.as_slice()) {
            let entry = archive::open(reader, &progress)?;
            let reader = Box::new(BufReader::with_capacity(BUFFER, entry));
            return Ok(Self { reader, packing: Packing::Zip, progress });
        }
        progress.set_size(size.unwrap_or(0));
        Ok(Self::unpacked(head, reader, progress))
    }

    fn unpacked<R: Read + Send + 'static>(head: Vec<u8>, reader: R, progress: Progress) -> Self {
        let packing = if head.starts_with(GZIP_MAGIC) { Packing::Gzip } else { Packing::Plain };
        let whole = Cursor::new(head).chain(reader);
        let whole = BufReader::with_capacity(BUFFER, Counted { inner: whole, progress: progress.clone() });
        let reader: Box<dyn BufRead + Send> = match packing {
            Packing::Gzip => Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(whole))),
            _ => Box::new(whole),
        };
        Self { reader, packing, progress }
    }
}

fn first_bytes(reader: &mut impl Read) -> Result<Vec<u8>, FileError> {
    let mut head = Vec::with_capacity(4);
    reader.take(4).read_to_end(&mut head).map_err(|error| FileError::open(&error))?;
    Ok(head)
}

/// Counts what goes through.
pub(crate) struct Counted<R> {
    pub(crate) inner: R,
    pub(crate) progress: Progress,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.progress.0.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
