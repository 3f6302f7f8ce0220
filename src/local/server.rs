//! Answers on the local socket.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::reconciler::controller::ask::{Ask, Until};
use crate::reconciler::controller::report::Report;

use super::protocol::{Answer, Question};
use super::socket::Socket;

/// The longest question.
const LONGEST: u64 = 64 * 1024;
/// How long a question may take to arrive, and an answer to be taken.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many may ask at the same time.
const CROWD: usize = 64;

/// Turns a report into the answer to a question.
pub type Present = fn(&Report, &Question) -> Answer;

/// Answers for ever: how things are from `reports`, everything else from the controller behind `asks`.
pub async fn serve(
    socket: &Socket,
    reports: watch::Receiver<Arc<Report>>,
    asks: mpsc::Sender<Ask>,
    present: Present,
) {
    let crowd = Arc::new(tokio::sync::Semaphore::new(CROWD));
    loop {
        let Ok(place) = Arc::clone(&crowd).acquire_owned().await else { return };
        match socket.listener.accept().await {
            Ok((stream, _)) => {
                let (reports, asks) = (reports.clone(), asks.clone());
                tokio::spawn(async move {
                    if let Err(error) = converse(stream, &reports, &asks, present).await {
                        tracing::debug!(%error, "a question on the local socket broke off");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the local socket cannot be answered");
                tokio::time::sleep(PATIENCE).await;
            }
        }
    }
}

async fn converse(
    stream: UnixStream,
    reports: &watch::Receiver<Arc<Report>>,
    asks: &mpsc::Sender<Ask>,
    present: Present,
) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read.take(LONGEST));
    let mut line = String::new();
    timeout(PATIENCE, lines.read_line(&mut line)).await??;
    let answer = match serde_json::from_str(&line) {
        Ok(question) => {
            tokio::select! {
                answer = answered(question, reports, asks, present) => answer,
                // Whoever asked has gone away, and needs no answer.
                _ = lines.read_u8() => return Ok(()),
            }
        }
        Err(error) => Answer::Refused(format!("the question is not understood: {error}")),
    };
    let mut bytes = serde_json::to_vec(&answer)?;
    bytes.push(b'\n');
    timeout(PATIENCE, write.write_all(&bytes)).await??;
    write.shutdown().await
}

async fn answered(
    question: Question,
    reports: &watch::Receiver<Arc<Report>>,
    asks: &mpsc::Sender<Ask>,
    present: Present,
) -> Answer {
    let (stacks, until) = match &question {
        Question::Status { .. } | Question::Trace { .. } => {
            let report = Arc::clone(&reports.borrow());
            return present(&report, &question);
        }
        Question::Sync { stacks, settled: true, .. } => (stacks.clone(), Until::Settled),
        Question::Sync { stacks, settled: false, .. } => (stacks.clone(), Until::Passed),
    };
    let (answer, answered) = oneshot::channel();
    let asked = asks.send(Ask { stacks, until, answer }).await;
    match (asked, answered.await) {
        (Ok(()), Ok(report)) => present(&report, &question),
        _ => Answer::Refused("the controller is about to end".to_owned()),
    }
}
