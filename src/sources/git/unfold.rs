//! How large the objects of a pack become once they are unfolded, told from its bytes before anything unfolds them.
//!
//! A few kilobytes can stand for gigabytes: zeros compress a thousandfold, and a delta that copies a delta multiplies at
//! every step. libgit2 builds such objects in memory and knows no limit, so that every pack is followed here first
//! (`gitformat-pack`). Deltas are not applied for that: each says how large its base is and what becomes of it, and
//! libgit2 refuses those that are not true.

use std::collections::{BTreeSet, HashSet};

use flate2::{Decompress, FlushDecompress, Status};
use git2::Oid;

use super::limits::Limits;

/// `PACK`, the version and the number of objects.
pub(super) const HEADER: usize = 12;
/// How many bytes are unfolded at a time, and forgotten.
const WINDOW: usize = 16 * 1024;
/// The length of an object's name.
const NAME: usize = 20;

/// Why a pack is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// One object would be too large to be built in memory.
    LargeObject,
    /// All of them together would take too long.
    LargeWhole,
    /// The bytes are no pack.
    NotAPack,
}

/// A pack that is followed as it arrives.
pub(super) struct Unfolding {
    limits: Limits,
    inflater: Decompress,
    at: At,
    /// How many bytes of the pack were followed.
    offset: u64,
    /// How many objects have not begun yet.
    ahead: u32,
    /// How many bytes the objects so far become.
    unfolded: u64,
    /// Where files begin that are too large to be the base of a delta.
    large: BTreeSet<u64>,
    /// Bases that deltas name: of this pack, or of what is there already.
    bases: HashSet<Oid>,
}

/// What comes next.
#[derive(Debug)]
enum At {
    Header(Vec<u8>),
    /// The kind and the size of an object.
    Size(Entry),
    /// How far back the base of a delta begins.
    Distance(Entry, Option<u64>),
    /// The name of the base of a delta.
    Name(Entry, Vec<u8>),
    Data(Entry),
    /// The checksum, and nothing else.
    End,
}

/// One object of a pack.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Where it begins.
    start: u64,
    kind: Kind,
    size: Number,
    /// What a delta begins with: the size of its base, and its own once it is applied.
    promised: [Number; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A commit, a directory or a tag: they are always built in memory.
    Small,
    File,
    DeltaByDistance,
    DeltaByName,
}

/// A number in groups of bits, the lowest first, of which all but the last announce another one.
#[derive(Debug, Clone, Copy, Default)]
struct Number {
    value: u64,
    bits: u32,
    is_whole: bool,
}

impl Number {
    /// Adds the lowest `width` bits of a byte.
    fn add(&mut self, byte: u8, width: u32) -> Result<(), Unfit> {
        if self.bits > 56 {
            return Err(Unfit::NotAPack);
        }
        self.value |= (u64::from(byte) & ((1 << width) - 1)) << self.bits;
        self.bits += width;
        self.is_whole = byte & 0x80 == 0;
        Ok(())
    }
}

impl Unfolding {
    /// A pack of which nothing has arrived.
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            inflater: Decompress::new(true),
            at: At::Header(Vec::new()),
            offset: 0,
            ahead: 0,
            unfolded: 0,
            large: BTreeSet::new(),
            bases: HashSet::new(),
        }
    }

    /// Follows the next piece. After an error the pack must not be unfolded.
    pub(super) fn follow(&mut self, piece: &[u8]) -> Result<(), Unfit> {
        let mut rest = piece;
        while let Some((&byte, after)) = rest.split_first() {
            let before = rest.len();
            match std::mem::replace(&mut self.at, At::End) {
                At::End => return Ok(()),
                At::Data(entry) => rest = self.inflate(entry, rest)?,
                At::Header(mut header) => {
                    header.push(byte);
                    self.at = if header.len() < HEADER {
                        At::Header(header)
                    } else {
                        self.ahead = count(&header).ok_or(Unfit::NotAPack)?;
                        self.next(self.offset + 1)
                    };
                    rest = after;
                }
                At::Size(entry) => {
                    self.at = self.size(entry, byte)?;
                    rest = after;
                }
                At::Distance(entry, distance) => {
                    self.at = self.distance(entry, distance, byte)?;
                    rest = after;
                }
                At::Name(entry, mut name) => {
                    name.push(byte);
                    self.at = if name.len() < NAME {
                        At::Name(entry, name)
                    } else {
                        self.bases.insert(Oid::from_bytes(&name).map_err(|_| Unfit::NotAPack)?);
                        self.data(entry)?
                    };
                    rest = after;
                }
            }
            self.offset = self.offset.saturating_add((before - rest.len()) as u64);
        }
        Ok(())
    }

    /// Judges the bases that deltas name, once everything has arrived: `known` tells the size of an object that is there
    /// already. One that is neither there nor small may be a large file of this pack.
    pub(super) fn judge_bases(
        &self,
        mut known: impl FnMut(Oid) -> Option<u64>,
    ) -> Result<(), Unfit> {
        let is_fit = |base: &Oid| match known(*base) {
            Some(size) => size <= self.limits.object_bytes,
            None => self.large.is_empty(),
        };
        if self.bases.iter().all(is_fit) { Ok(()) } else { Err(Unfit::LargeObject) }
    }

    /// What begins at `start`.
    fn next(&mut self, start: u64) -> At {
        match self.ahead.checked_sub(1) {
            Some(ahead) => {
                self.ahead = ahead;
                let (size, promised) = (Number::default(), [Number::default(); 2]);
                At::Size(Entry { start, kind: Kind::Small, size, promised })
            }
            None => At::End,
        }
    }

    fn size(&mut self, mut entry: Entry, byte: u8) -> Result<At, Unfit> {
        if entry.size.bits > 0 {
            entry.size.add(byte, 7)?;
        } else {
            entry.kind = match byte >> 4 & 0b111 {
                1 | 2 | 4 => Kind::Small,
                3 => Kind::File,
                6 => Kind::DeltaByDistance,
                7 => Kind::DeltaByName,
                _ => return Err(Unfit::NotAPack),
            };
            entry.size.add(byte, 4)?;
        }
        match entry.kind {
            _ if !entry.size.is_whole => Ok(At::Size(entry)),
            Kind::Small | Kind::File => self.data(entry),
            Kind::DeltaByDistance => Ok(At::Distance(entry, None)),
            Kind::DeltaByName => Ok(At::Name(entry, Vec::new())),
        }
    }

    /// Every further group of a distance counts from one, so that no number can be written in two ways.
    fn distance(&mut self, entry: Entry, before: Option<u64>, byte: u8) -> Result<At, Unfit> {
        let before = before.map_or(Some(0), |before| before.checked_add(1)?.checked_mul(128));
        let low = u64::from(byte & 0x7f);
        let distance = before.and_then(|before| before.checked_add(low)).ok_or(Unfit::NotAPack)?;
        if byte & 0x80 != 0 {
            return Ok(At::Distance(entry, Some(distance)));
        }
        let base = entry.start.checked_sub(distance).ok_or(Unfit::NotAPack)?;
        if self.large.contains(&base) { Err(Unfit::LargeObject) } else { self.data(entry) }
    }

    /// The data of an object begins, and its size is known.
    fn data(&mut self, entry: Entry) -> Result<At, Unfit> {
        let size = entry.size.value;
        if size > self.limits.object_bytes {
            // Files are unfolded piece by piece, and read only if they are small.
            if entry.kind != Kind::File {
                return Err(Unfit::LargeObject);
            }
            self.large.insert(entry.start);
        }
        self.spend(size)?;
        self.inflater.reset(true);
        Ok(At::Data(entry))
    }

    fn spend(&mut self, bytes: u64) -> Result<(), Unfit> {
        self.unfolded = self.unfolded.saturating_add(bytes);
        if self.unfolded > self.limits.unfolded_bytes { Err(Unfit::LargeWhole) } else { Ok(()) }
    }

    /// Follows the data of an object as far as it is there, and returns what comes after it.
    fn inflate<'p>(&mut self, mut entry: Entry, piece: &'p [u8]) -> Result<&'p [u8], Unfit> {
        let mut rest = piece;
        let mut window = [0; WINDOW];
        loop {
            let (read, made) = (self.inflater.total_in(), self.inflater.total_out());
            let inflated = self.inflater.decompress(rest, &mut window, FlushDecompress::None);
            let status = inflated.map_err(|_| Unfit::NotAPack)?;
            let read = progress(read, self.inflater.total_in())?;
            let made = progress(made, self.inflater.total_out())?;
            rest = rest.get(read..).ok_or(Unfit::NotAPack)?;
            if self.inflater.total_out() > entry.size.value {
                return Err(Unfit::NotAPack);
            }
            if matches!(entry.kind, Kind::DeltaByDistance | Kind::DeltaByName) {
                self.promises(&mut entry, window.get(..made).unwrap_or_default())?;
            }
            if status == Status::StreamEnd {
                let is_whole = self.inflater.total_out() == entry.size.value;
                let is_plain = matches!(entry.kind, Kind::Small | Kind::File);
                if !is_whole || !(is_plain || entry.promised.iter().all(|n| n.is_whole)) {
                    return Err(Unfit::NotAPack);
                }
                self.at = self.next(self.offset.saturating_add((piece.len() - rest.len()) as u64));
                return Ok(rest);
            }
            // More may come of what was read as long as the window is filled.
            if made < WINDOW && rest.is_empty() {
                self.at = At::Data(entry);
                return Ok(rest);
            }
            if read == 0 && made == 0 {
                return Err(Unfit::NotAPack);
            }
        }
    }

    /// Reads what a delta promises from its first bytes.
    fn promises(&mut self, entry: &mut Entry, bytes: &[u8]) -> Result<(), Unfit> {
        let mut bytes = bytes.iter();
        for (place, number) in entry.promised.iter_mut().enumerate() {
            while !number.is_whole {
                let Some(byte) = bytes.next() else { return Ok(()) };
                number.add(*byte, 7)?;
                if number.is_whole {
                    if number.value > self.limits.object_bytes {
                        return Err(Unfit::LargeObject);
                    }
                    if place == 1 {
                        self.spend(number.value)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// How many objects a pack says that it has, once its header is there.
pub(super) fn count(header: &[u8]) -> Option<u32> {
    let bytes = header.strip_prefix(b"PACK")?.get(4..8)?;
    bytes.try_into().map(u32::from_be_bytes).ok()
}

fn progress(before: u64, after: u64) -> Result<usize, Unfit> {
    usize::try_from(after.saturating_sub(before)).map_err(|_| Unfit::NotAPack)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use git2::Repository;

    use super::*;

    const COMMIT: u8 = 1;
    const BLOB: u8 = 3;
    const DISTANCE: u8 = 6;
    const NAMED: u8 = 7;

    fn limits() -> Limits {
        Limits { object_bytes: 1_000_000, unfolded_bytes: 10_000_000, ..Limits::default() }
    }

    fn number(mut value: u64, mut bytes: Vec<u8>) -> Vec<u8> {
        while value > 0x7f {
            bytes.push(0x80 | u8::try_from(value & 0x7f).unwrap());
            value >>= 7;
        }
        bytes.push(u8::try_from(value).unwrap());
        bytes
    }

    /// An object that says it has `size` bytes.
    fn object(kind: u8, size: u64, base: &[u8], data: &[u8]) -> Vec<u8> {
        let more = if size > 15 { 0x80 } else { 0 };
        let mut bytes = vec![more | kind << 4 | u8::try_from(size & 15).unwrap()];
        if size > 15 {
            bytes = number(size >> 4, bytes);
        }
        bytes.extend(base);
        let mut encoder = ZlibEncoder::new(bytes, Compression::best());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn plain(kind: u8, size: usize) -> Vec<u8> {
        object(kind, size as u64, &[], &vec![0; size])
    }

    /// What makes `result` bytes of `base` bytes, says it.
    fn delta(kind: u8, place: &[u8], base: u64, result: u64) -> Vec<u8> {
        let mut data = number(result, number(base, Vec::new()));
        data.extend([0xf0, 0xff, 0xff, 0xff]);
        object(kind, data.len() as u64, place, &data)
    }

    fn pack(objects: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = b"PACK\0\0\0\x02".to_vec();
        bytes.extend(u32::try_from(objects.len()).unwrap().to_be_bytes());
        bytes.extend(objects.concat());
        bytes.extend([0; NAME]);
        bytes
    }

    fn followed(bytes: &[u8], piece: usize) -> Result<Unfolding, Unfit> {
        let mut unfolding = Unfolding::new(limits());
        bytes.chunks(piece).try_for_each(|piece| unfolding.follow(piece))?;
        Ok(unfolding)
    }

    /// Similar files, some of which git stores as differences.
    fn of_git() -> Vec<u8> {
        let state = tempfile::tempdir().unwrap();
        let repository = Repository::init_bare(state.path()).unwrap();
        let mut builder = repository.packbuilder().unwrap();
        for first in 0..20_u64 {
            let lines = (first..first + 2_000).map(|n| format!("{}\n", n * 7_919));
            let id = repository.blob(lines.collect::<String>().as_bytes()).unwrap();
            builder.insert_object(id, None).unwrap();
        }
        builder.insert_object(repository.blob(b"").unwrap(), None).unwrap();
        let mut bytes = git2::Buf::new();
        builder.write_buf(&mut bytes).unwrap();
        bytes.to_vec()
    }

    #[test]
    fn packs_of_git_are_followed_to_their_end_however_they_arrive() {
        let bytes = of_git();
        assert!(bytes.len() < 100_000, "no differences in {} bytes", bytes.len());
        for piece in [1, 7, 1_000, bytes.len()] {
            let unfolding = followed(&bytes, piece).ok().unwrap();
            assert!(matches!(unfolding.at, At::End), "{:?}", unfolding.at);
            assert_eq!((unfolding.ahead, unfolding.large.len()), (0, 0));
            assert!((250_000..400_000).contains(&unfolding.unfolded), "{}", unfolding.unfolded);
            assert_eq!(unfolding.judge_bases(|_| None), Ok(()));
        }
    }

    #[test]
    fn what_would_become_too_large_is_refused_before_it_is_unfolded() {
        // The second object begins after the first one.
        let back = |first: &[u8]| {
            let distance = u64::try_from(first.len()).unwrap();
            let mut groups = vec![u8::try_from(distance & 0x7f).unwrap()];
            let mut rest = distance >> 7;
            while rest > 0 {
                groups.insert(0, 0x80 | u8::try_from((rest - 1) & 0x7f).unwrap());
                rest = (rest - 1) >> 7;
            }
            groups
        };
        let (small, large) = (plain(BLOB, 1_000_000), plain(BLOB, 1_000_001));
        let many = vec![plain(BLOB, 999_999); 11];
        let deltas = vec![delta(NAMED, &[7; NAME], 1_000_000, 999_999); 11];
        for (what, objects, unfit) in [
            (
                "a delta of gigabytes",
                vec![delta(NAMED, &[7; NAME], 9, 1 << 40)],
                Unfit::LargeObject,
            ),
            (
                "of a base of gigabytes",
                vec![delta(NAMED, &[7; NAME], 1 << 40, 9)],
                Unfit::LargeObject,
            ),
            (
                "a long list of changes",
                vec![object(NAMED, 1 << 40, &[7; NAME], b"")],
                Unfit::LargeObject,
            ),
            ("a commit", vec![plain(COMMIT, 1_000_001)], Unfit::LargeObject),
            (
                "a lie about a base",
                vec![large.clone(), delta(DISTANCE, &back(&large), 9, 9)],
                Unfit::LargeObject,
            ),
            ("many files", many, Unfit::LargeWhole),
            ("many deltas", deltas, Unfit::LargeWhole),
            ("one huge file", vec![object(BLOB, 1 << 40, &[], b"")], Unfit::LargeWhole),
        ] {
            assert_eq!(followed(&pack(&objects), 100).err(), Some(unfit), "{what}");
        }
        for objects in [
            vec![large.clone(), small.clone()],
            vec![small.clone(), delta(DISTANCE, &back(&small), 1_000_000, 1_000_000)],
        ] {
            assert!(followed(&pack(&objects), 100).is_ok());
        }
        let named = |objects: &[Vec<u8>], known: Option<u64>| {
            followed(&pack(objects), 100).ok().unwrap().judge_bases(|_| known)
        };
        let by_name = delta(NAMED, &[7; NAME], 9, 9);
        assert_eq!(named(&[small, by_name.clone()], None), Ok(()));
        assert_eq!(named(&[large.clone(), by_name.clone()], Some(9)), Ok(()));
        assert_eq!(named(&[large, by_name.clone()], None), Err(Unfit::LargeObject));
        assert_eq!(named(&[by_name], Some(1_000_001)), Err(Unfit::LargeObject), "in the cache");
    }

    #[test]
    fn what_is_no_pack_is_refused() {
        for (what, objects) in [
            ("a kind that does not exist", vec![object(5, 1, &[], b"x")]),
            ("less than it says", vec![object(BLOB, 9, &[], b"x")]),
            ("more than it says", vec![object(BLOB, 1, &[], b"xx")]),
            ("a base before the pack", vec![delta(DISTANCE, &[0x7f], 9, 9)]),
            ("a delta without sizes", vec![object(NAMED, 1, &[7; NAME], &[9])]),
            ("a size without an end", vec![vec![0xff; 30]]),
        ] {
            assert_eq!(followed(&pack(&objects), 100).err(), Some(Unfit::NotAPack), "{what}");
        }
        assert_eq!(followed(b"<!DOCTYPE html>", 3).err(), Some(Unfit::NotAPack));
        let bytes = pack(&[plain(BLOB, 300), delta(NAMED, &[7; NAME], 300, 200)]);
        for place in 0..bytes.len() {
            for broken in [0x00, 0x7f, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[place] = broken;
                // Whatever it says: it says something.
                let _ = followed(&bytes, 16);
            }
        }
    }
}
