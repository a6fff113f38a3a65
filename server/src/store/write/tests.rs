//! What a writer does when the server is gone.

use local_servers::PostgresServer;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_is_given_up() {
    let server = tokio::task::spawn_blocking(|| PostgresServer::ephemeral().unwrap()).await.unwrap();
    let store = Store::connect_lazy(&server.url()).unwrap();
    store.migrate().await.unwrap();
    let candle = |hour: i64| Candle {
        open_time: hour * 3_600_000,
        open: 1.0,
        high: 1.0,
        low: 1.0,
        close: 1.0,
        volume: 1.0,
    };
    // Silent in the middle, and at the end.
    for at_the_end in [false, true] {
        let mut connection = connect(&store).await.unwrap();
        let mut writer =
            SeriesWriter::begin(&mut connection, &"SIL".parse().unwrap(), &Source::RECORDED, Interval::H1)
                .await
                .unwrap();
        writer.put(&[candle(0)]).await.unwrap();
        writer.patience = Duration::from_millis(300);
        server.pause().unwrap();
        let error = async {
            if !at_the_end {
                writer.put(&[candle(1)]).await?;
            }
            writer.commit().await
        };
        let error = tokio::time::timeout(Duration::from_secs(30), error).await.expect("waits for ever");
        assert!(matches!(error, Err(StoreError::Unavailable { .. })), "{error:?}");
        server.resume().unwrap();
    }
}
