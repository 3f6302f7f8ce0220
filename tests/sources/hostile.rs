//! Repositories that are large, odd or out to harm: bounded time, bounded memory, a clear word.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

use skep::sources::git::{GitError, Limits};
use skep::spec::discover::{Start, discover};
use skep::spec::tree::{ReadError, Tree as _};

use crate::fetching::{Station, fetch, limits, refused};
use crate::origin::Origin;
use crate::server::Server;

fn url(daemon: &Server) -> String {
    format!("git://127.0.0.1:{}/stacks.git", daemon.port())
}

#[tokio::test]
async fn a_huge_file_is_left_out_where_the_server_can_and_never_read() {
    let origin = Origin::with_a_stack();
    let huge = std::fs::File::create(origin.work().join("huge.bin")).expect("a file");
    huge.set_len(200 << 20).expect("a size");
    origin.git(&["-c", "core.bigFileThreshold=1m", "-c", "core.compression=1", "add", "--all"]);
    origin.commit("Something huge");
    for can_filter in [true, false] {
        origin.git(&[
            "config",
            "uploadpack.allowFilter",
            if can_filter { "true" } else { "false" },
        ]);
        let daemon = Server::git_daemon(&origin);
        for url in [url(&daemon), origin.bare().display().to_string()] {
            let station = Station::new();
            let begun = Instant::now();
            let snapshot = fetch(&station.source(&url)).await.expect("a snapshot");
            let read = snapshot.tree.read("huge.bin", u64::MAX);
            assert!(matches!(read, Err(ReadError::TooLarge { .. })), "{read:?}");
            assert!(begun.elapsed() < Duration::from_secs(30), "{url}");
        }
    }
}

#[tokio::test]
async fn more_than_the_limits_allow_is_refused_and_nothing_is_kept() {
    let origin = Origin::with_a_stack();
    for number in 0..200 {
        origin.write(&format!("many/{number}"), number.to_string().repeat(100));
    }
    origin.commit("Many");
    let daemon = Server::git_daemon(&origin);
    for url in [url(&daemon), origin.bare().display().to_string()] {
        for limits in
            [Limits { transfer_bytes: 2_000, ..limits() }, Limits { objects: 50, ..limits() }]
        {
            let station = Station::limited(limits);
            let error = refused(&station.source(&url)).await;
            assert!(matches!(&*error, GitError::TooLarge { .. }), "{error:?}");
            assert!(error.hint().is_some());
        }
    }
    let station = Station::limited(Limits { entries: 100, ..limits() });
    let snapshot = fetch(&station.source(&url(&daemon))).await.expect("a snapshot");
    assert!(matches!(snapshot.tree.list("many"), Err(ReadError::Denied(_))));
    assert_eq!(snapshot.tree.list("").expect("listed").len(), 2);
}

/// An object of a pack; `base` is what stands between its size and its data.
fn object(kind: u8, base: &[u8], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x80 | kind << 4 | u8::try_from(data.len() & 15).expect("four bits")];
    let mut size = data.len() >> 4;
    while size > 0x7f {
        bytes.push(0x80 | u8::try_from(size & 0x7f).expect("seven bits"));
        size >>= 7;
    }
    bytes.push(u8::try_from(size).expect("seven bits"));
    bytes.extend(base);
    let mut encoder = flate2::write::ZlibEncoder::new(bytes, flate2::Compression::best());
    encoder.write_all(data).expect("written");
    encoder.finish().expect("written")
}

/// The most memory that this process had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

#[tokio::test]
async fn a_pack_that_unfolds_to_gigabytes_is_refused_and_never_unfolded() {
    let blob = object(3, &[], &vec![0; 16 << 20]);
    // Sixteen megabytes, sixty-four times; and that again, sixty-four times.
    let copies = [0xf0, 0xff, 0xff, 0xff].repeat(64);
    let once = |from: [u8; 4], to: [u8; 5]| [&from[..], &to[..], &copies].concat();
    let first = once([0x80, 0x80, 0x80, 0x08], [0xc0, 0xff, 0xff, 0xff, 0x03]);
    let named = |data: &[u8]| object(7, &[7; 20], data);
    let file = |first: u8| object(3, &[], &[&[first][..], &vec![0; 3 << 20]].concat());
    let small = Limits { object_bytes: 4 << 20, unfolded_bytes: 16 << 20, ..limits() };
    for (what, limits, objects) in [
        ("a delta that multiplies", limits(), vec![blob, named(&first)]),
        ("a commit of zeros", small, vec![object(1, &[], &[0; 5 << 20])]),
        ("file after file of zeros", small, (0..9).map(file).collect()),
    ] {
        let mut pack = b"PACK\0\0\0\x02".to_vec();
        pack.extend(u32::try_from(objects.len()).expect("few").to_be_bytes());
        pack.extend(objects.concat());
        pack.extend([0; 20]);
        assert!(pack.len() < 50_000, "{what}: {} bytes", pack.len());
        let server = Server::sending(&pack);
        let (begun, before) = (Instant::now(), peak());
        let station = Station::limited(limits);
        let error = refused(&station.source(&url(&server))).await;
        assert!(matches!(&*error, GitError::TooLarge { .. }), "{what}: {error:?}");
        assert!(error.hint().is_some());
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}: {:?}", begun.elapsed());
        let more = peak().saturating_sub(before);
        // Elsewhere other tests run in the same process.
        if std::env::var_os("NEXTEST").is_some() {
            assert!(more < 100 << 20, "{what}: {more} bytes more");
        }
        let packs = std::fs::read_dir(station.repository().join("objects/pack"));
        assert_eq!(packs.expect("packs").count(), 0, "{what}: something is left");
    }
}

#[tokio::test]
async fn a_hundred_thousand_files_beside_the_stacks_cost_little() {
    let origin = Origin::empty();
    let mut import = origin.command(&["fast-import", "--quiet"]);
    let mut stream =
        String::from("blob\nmark :1\ndata 1\nx\nblob\nmark :2\ndata 13\nservices: {}\n\n");
    stream.push_str("commit refs/heads/main\ncommitter A <a@b> 1 +0000\ndata 1\nx\n");
    for number in 0..100_000 {
        writeln!(stream, "M 644 :1 data/{}/{number}", number / 1_000).expect("written");
    }
    stream.push_str("M 644 :2 stacks/shop/stack.yaml\n");
    let path = origin.served().join("stream");
    std::fs::write(&path, stream).expect("written");
    import.stdin(std::fs::File::open(path).expect("a file"));
    crate::origin::succeed(&mut import);
    let daemon = Server::git_daemon(&origin);
    let station = Station::new();
    let begun = Instant::now();
    let snapshot = fetch(&station.source(&url(&daemon))).await.expect("a snapshot");
    let found = discover(&snapshot.tree, &Start::Directory("stacks".to_owned()));
    assert_eq!((found.stacks.len(), found.findings), (1, Vec::new()));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn links_submodules_and_pointers_are_named_for_what_they_are() {
    let origin = Origin::with_a_stack();
    let link = |target: &str, path: &str| {
        std::os::unix::fs::symlink(target, origin.work().join(path)).expect("a link");
    };
    link("stacks/shop/stack.yaml", "inside.yaml");
    link("../../etc/passwd", "outside");
    link("loop", "loop");
    origin
        .write("logo.png", "version https://git-lfs.github.com/spec/v1\noid sha256:4f2c\nsize 9\n");
    origin.git(&["add", "--all"]);
    let head = origin.head();
    origin.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{head},theme")]);
    // Not `add --all`, which would miss the submodule and take it out.
    origin.git(&["commit", "--quiet", "-m", "Odd things"]);
    let daemon = Server::git_daemon(&origin);
    for url in [url(&daemon), origin.bare().display().to_string()] {
        let snapshot = fetch(&Station::new().source(&url)).await.expect("a snapshot");
        let read = |path: &str| snapshot.tree.read(path, 1_000);
        assert!(read("inside.yaml").is_ok_and(|content| content.starts_with(b"services")));
        assert_eq!(read("outside"), Err(ReadError::Outside));
        assert!(matches!(read("loop"), Err(ReadError::Denied(_))));
        assert_eq!(read("logo.png"), Err(ReadError::LfsPointer));
        assert_eq!(read("theme/stack.yaml"), Err(ReadError::Submodule));
        // A stack that became a submodule must not look as if it were gone.
        let found = discover(&snapshot.tree, &snapshot.start);
        let messages: Vec<&str> = found.findings.iter().map(|f| f.message.as_str()).collect();
        assert!(messages.iter().any(|m| m.contains("git submodule")), "{messages:?}");
        assert!(found.findings.iter().any(skep::model::finding::Finding::is_error));
    }
}
