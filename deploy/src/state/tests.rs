use super::*;

fn layout() -> (tempfile::TempDir, Layout) {
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::at(dir.path().to_owned());
    layout.make().unwrap();
    (dir, layout)
}

#[test]
fn what_is_saved_is_read_again() {
    let (_dir, layout) = layout();
    assert_eq!(State::load(&layout).unwrap(), State::default());
    let mut state = State { redis_port: Some(6390), ..State::default() };
    state.set(Part::Server, Running::note(std::process::id()));
    state.save(&layout).unwrap();
    assert_eq!(State::load(&layout).unwrap(), state);
}

#[test]
fn a_cluster_takes_the_place_of_the_single_server() {
    let mut state = State { redis_port: Some(6390), ..State::default() };
    assert_eq!(state.parts(), [Part::Redis, Part::Postgres, Part::Server]);
    assert_eq!(state.redis_url().unwrap(), "redis://127.0.0.1:6390");
    assert!(state.cluster().is_err());
    state.cluster = Some(Cluster::at(7001));
    assert_eq!(state.parts().len(), 8);
    assert_eq!(state.port(Part::Node(5)), Some(7006));
    assert!(state.redis_url().unwrap().starts_with("redis-cluster://127.0.0.1:7001,127.0.0.1:7002,"));
    state.set(Part::Node(3), Running::note(std::process::id()));
    assert_eq!(state.running_parts(), [Part::Node(3)]);
}

#[test]
fn a_damaged_file_is_done_without_and_a_foreign_one_refused_by_name() {
    let (_dir, layout) = layout();
    for damaged in
        ["", "{", "{\"format\":1,\"redis_port\":63", "\0\0\0", "{\"format\":1,\"redis_port\":\"x\"}"]
    {
        fs::write(path(&layout), damaged).unwrap();
        assert_eq!(State::load(&layout).unwrap(), State::default(), "{damaged}");
    }
    // Whatever else a later format has.
    fs::write(path(&layout), "{\"format\":9,\"redis_port\":{}}").unwrap();
    assert!(State::load(&layout).unwrap_err().to_string().contains("format 9"));
}
