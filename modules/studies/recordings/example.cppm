module;
#include <cstdint>
#include <vector>
export module repal.example_recordings;

export import repal.store;
export import repal.table;

namespace repal {

/// Recordings of three classes of dynamics, eight of each, as a laboratory might have them, and the sheet that lists
/// them: a limit cycle (van der Pol), a spiral into a fixed point, and chaos (Lorenz), each seen through channels of
/// its own, with noise. Of one seed the same bits.
export struct ExampleRecordings {
    Archive archive;  ///< "cycle/1": (trial, time, channel), with axes and dt
    Table sheet;      ///< of recordings.h5
};
export ExampleRecordings example_recordings(std::uint64_t seed);

}  // namespace repal
