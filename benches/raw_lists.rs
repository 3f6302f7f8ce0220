//! The least that a plan must do: four list calls over one connection to an engine's socket, the bodies read and dropped.
//!
//! `scripts/bench` compiles it with rustc alone and measures `skep plan` against it.

use std::env;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;

/// The requests with which skep observes a Swarm.
const LISTS: [&str; 4] = ["/services?status=true", "/networks", "/configs", "/secrets"];

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo bench` runs every benchmark, with an option of its own; without an engine there is nothing to measure.
    let Some(socket) = env::args().nth(1).filter(|argument| !argument.starts_with('-')) else {
        return Ok(());
    };
    let mut connection = BufReader::new(UnixStream::connect(socket)?);
    let mut bytes = 0;
    for path in LISTS {
        write!(connection.get_mut(), "GET {path} HTTP/1.1\r\nHost: docker\r\n\r\n")?;
        bytes += read_answer(&mut connection)?;
    }
    writeln!(io::stdout(), "{bytes}")?;
    Ok(())
}

/// Reads one answer, and returns the size of its body.
fn read_answer(connection: &mut impl BufRead) -> Result<u64, Box<dyn Error>> {
    let status = read_line(connection)?;
    if !status.starts_with("HTTP/1.1 200 ") {
        return Err(status.into());
    }
    let mut length = None;
    loop {
        let header = read_line(connection)?.to_ascii_lowercase();
        match header.split_once(": ") {
            Some(("content-length", value)) => length = Some(value.parse()?),
            Some(_) => {}
            None => break,
        }
    }
    match length {
        Some(length) => drop_bytes(connection, length),
        None => read_chunks(connection),
    }
}

/// Reads a body that comes in chunks, each after a line with its size; the last one is empty.
fn read_chunks(connection: &mut impl BufRead) -> Result<u64, Box<dyn Error>> {
    let mut sum = 0;
    loop {
        let size = u64::from_str_radix(&read_line(connection)?, 16)?;
        sum += drop_bytes(connection, size)?;
        read_line(connection)?;
        if size == 0 {
            return Ok(sum);
        }
    }
}

fn drop_bytes(connection: &mut impl BufRead, count: u64) -> Result<u64, Box<dyn Error>> {
    let read = io::copy(&mut connection.take(count), &mut io::sink())?;
    if read == count { Ok(read) } else { Err("the engine closed the connection".into()) }
}

fn read_line(connection: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    connection.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}
