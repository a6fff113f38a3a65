//! The one file in a ZIP archive, streamed.
//!
//! Crate `zip` reads the directory of the archive; the data goes through flate2 and is checked here, because the
//! crate's own reader borrows the archive and could not be kept beside it.

use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};

use flate2::{Crc, bufread::DeflateDecoder};
use zip::{CompressionMethod, ZipArchive, read::ZipFile, result::ZipError};

use crate::{
    FileError,
    error::shown,
    input::{Counted, Progress},
};

const BUFFER: usize = 128 * 1024;

/// Where the data of a file in the archive is, and what it must come to.
struct Place {
    start: u64,
    packed: u64,
    size: u64,
    crc: u32,
    is_deflated: bool,
}

/// Opens the only file of an archive. Folders, checksums and what macOS adds do not count.
pub(crate) fn open<R: Read + Seek + Send>(
    reader: R,
    progress: &Progress,
) -> Result<impl Read + Send + use<R>, FileError> {
    let mut archive = ZipArchive::new(reader).map_err(|error| broken(&error))?;
    let is_file = |index: &usize| match archive.name_for_index(*index) {
        Some(Ok(name)) => counts(&name),
        _ => true,
    };
    let files: Vec<usize> = (0..archive.len()).filter(is_file).collect();
    let index = match files.as_slice() {
        [index] => *index,
        [] => return Err(FileError::Open("the ZIP archive holds no file".to_owned())),
        more if is_spreadsheet(more, &archive) => {
            return Err(FileError::Kind("is a spreadsheet; save it as CSV".to_owned()));
        }
        more => {
            let names = more.iter().take(2).filter_map(|index| archive.name_for_index(*index)?.ok());
            let names: Vec<_> = names.map(|name| shown(&name)).collect();
            let names = format!("{}{}", names.join(", "), if more.len() > 2 { " …" } else { "" });
            let count = more.len();
            return Err(FileError::Open(format!("the ZIP archive holds {count} files, not one: {names}")));
        }
    };
    let place = {
        let file = archive.by_index_raw(index).map_err(|error| broken(&error))?;
        place(&file)?
    };
    let mut reader = archive.into_inner();
    reader.seek(SeekFrom::Start(place.start)).map_err(|error| FileError::open(&error))?;
    progress.set_size(place.packed);
    let packed = Counted { inner: reader, progress: progress.clone() }.take(place.packed);
    let data = if place.is_deflated {
        Data::Deflated(DeflateDecoder::new(BufReader::with_capacity(BUFFER, packed)))
    } else {
        Data::Stored(packed)
    };
    Ok(Checked { data, crc: Crc::new(), read: 0, place })
}

/// Whether this is a file that somebody packed. Binance puts a checksum beside its archives, some put it inside.
fn counts(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or_default();
    let is_folder = last.is_empty();
    let is_checksum = last.to_ascii_uppercase().ends_with("CHECKSUM");
    !(is_folder || is_checksum || last.starts_with('.') || name.starts_with("__MACOSX/"))
}

/// The files that those of Excel (ECMA-376) and of LibreOffice (OpenDocument) have in them.
fn is_spreadsheet<R: Read + Seek>(files: &[usize], archive: &ZipArchive<R>) -> bool {
    files.iter().any(|index| match archive.name_for_index(*index) {
        Some(Ok(name)) => name == "[Content_Types].xml" || name == "content.xml",
        _ => false,
    })
}

fn place<R: Read>(file: &ZipFile<'_, R>) -> Result<Place, FileError> {
    if file.encrypted() {
        return Err(FileError::Open("the file in the ZIP archive is encrypted".to_owned()));
    }
    let is_deflated = match file.compression() {
        CompressionMethod::Stored => false,
        CompressionMethod::Deflated => true,
        method => {
            let reason = format!("the ZIP archive is packed by method {method}; only deflate is read");
            return Err(FileError::Open(reason));
        }
    };
    let start = file.data_start().ok_or_else(|| FileError::Open("the ZIP archive is corrupt".to_owned()))?;
    Ok(Place { start, packed: file.compressed_size(), size: file.size(), crc: file.crc32(), is_deflated })
}

fn broken(error: &ZipError) -> FileError {
    FileError::Open(match error {
        ZipError::Io(error) if error.kind() == io::ErrorKind::NotSeekable => {
            "a ZIP archive cannot be read from a pipe".to_owned()
        }
        ZipError::InvalidArchive(reason) => format!("the ZIP archive is truncated or corrupt: {reason}"),
        error => format!("the ZIP archive is truncated or corrupt: {error}"),
    })
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

enum Data<R> {
    Stored(Take<Counted<R>>),
    Deflated(DeflateDecoder<BufReader<Take<Counted<R>>>>),
}

/// Fails at the end if length or checksum are not those of the directory, and as soon as there is more.
struct Checked<R> {
    data: Data<R>,
    crc: Crc,
    read: u64,
    place: Place,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.data {
            Data::Stored(data) => data.read(buffer)?,
            Data::Deflated(data) => data.read(buffer)?,
        };
        self.read += read as u64;
        if read == 0 && !buffer.is_empty() {
            if self.read < self.place.size {
                // Packed data that breaks off is an error of the decoder.
                return Err(match self.data {
                    Data::Stored(_) => io::ErrorKind::UnexpectedEof.into(),
                    Data::Deflated(_) => invalid("it is shorter than the directory says"),
                });
            }
            if self.crc.sum() != self.place.crc {
                return Err(invalid("the checksum is wrong"));
            }
        }
        if self.read > self.place.size {
            return Err(invalid("it is longer than the directory says"));
        }
        self.crc.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}
