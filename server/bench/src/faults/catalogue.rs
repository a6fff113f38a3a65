//! The faults, by name.

/// What fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Node,
    Cluster,
}

/// How it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Nothing,
    Pause,
    Kill,
    BlackHole,
    Delay,
    Flush,
    Full,
    Failover,
    SlotMove,
    MastersGone,
    Minority,
}

/// How long it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasting {
    /// As long as the command line says; what counts is how soon all is well after its end.
    Given,
    /// As long as that, but the servers are not meant to be gone meanwhile: what counts is the longest time without a write.
    Through,
    /// Until another node has taken over; what counts is the same.
    UntilReplaced,
}

/// One fault of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub name: &'static str,
    pub place: Place,
    pub kind: Kind,
    pub lasting: Lasting,
}

const fn fault(name: &'static str, place: Place, kind: Kind, lasting: Lasting) -> Fault {
    Fault { name, place, kind, lasting }
}

/// All of them, in the order of the table.
pub(super) const FAULTS: [Fault; 18] = [
    fault("node/none", Place::Node, Kind::Nothing, Lasting::Through),
    fault("node/pause", Place::Node, Kind::Pause, Lasting::Given),
    fault("node/kill", Place::Node, Kind::Kill, Lasting::Given),
    fault("node/black-hole", Place::Node, Kind::BlackHole, Lasting::Given),
    fault("node/delay", Place::Node, Kind::Delay, Lasting::Given),
    fault("node/flush", Place::Node, Kind::Flush, Lasting::Through),
    fault("node/full", Place::Node, Kind::Full, Lasting::Given),
    fault("cluster/none", Place::Cluster, Kind::Nothing, Lasting::Through),
    fault("cluster/pause", Place::Cluster, Kind::Pause, Lasting::UntilReplaced),
    fault("cluster/kill", Place::Cluster, Kind::Kill, Lasting::UntilReplaced),
    fault("cluster/black-hole", Place::Cluster, Kind::BlackHole, Lasting::Given),
    fault("cluster/delay", Place::Cluster, Kind::Delay, Lasting::Given),
    fault("cluster/flush", Place::Cluster, Kind::Flush, Lasting::Through),
    fault("cluster/full", Place::Cluster, Kind::Full, Lasting::Given),
    fault("cluster/failover", Place::Cluster, Kind::Failover, Lasting::Through),
    fault("cluster/slot-move", Place::Cluster, Kind::SlotMove, Lasting::Through),
    fault("cluster/masters-gone", Place::Cluster, Kind::MastersGone, Lasting::Given),
    fault("cluster/minority", Place::Cluster, Kind::Minority, Lasting::UntilReplaced),
];
