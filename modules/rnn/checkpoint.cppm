module;
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>
export module repal.checkpoint;

export import repal.training;

namespace repal {

/// Where the states of one training are kept: checkpoint_0000.h5 before training, one for each epoch, final.h5, and
/// history.csv; interrupted.h5 while a training that was stopped waits to go on. A state belongs to a training if it
/// carries its key.
export class CheckpointFolder {
 public:
    CheckpointFolder(std::filesystem::path folder, std::string key)
        : folder_(std::move(folder)), key_(std::move(key)) {}

    /// Removes what a training of another configuration has left, so that a folder holds one; the number of files.
    std::size_t remove_others() const;

    /// The latest state of this training; none if it has not begun. A file that cannot be read is left out after
    /// `warn` was told of it.
    /// Throws InputError if a state of this key is of another architecture.
    std::optional<TrainingState> latest(const rnn::NetworkShape& shape,
                                        const std::function<void(const std::string&)>& warn) const;

    void write(const TrainingState& state, const rnn::NetworkShape& shape,
               const std::map<std::string, std::string>& provenance) const;

    /// interrupted.h5: a state that is no checkpoint, within an epoch or at the end of one. The next checkpoint
    /// removes it.
    void write_interrupted(const TrainingState& state, const rnn::NetworkShape& shape,
                           const std::map<std::string, std::string>& provenance) const;

    /// final.h5, with the last state, and history.csv.
    void write_final(const TrainingState& state, const rnn::NetworkShape& shape,
                     const std::map<std::string, std::string>& provenance) const;

    std::filesystem::path final_file() const { return folder_ / "final.h5"; }

    /// What was measured until the training ended. Throws InputError, as the next two, if final.h5 is not there.
    std::vector<EpochRecord> history() const;

    rnn::Parameters final_parameters(const rnn::NetworkShape& shape) const;

    /// The weights at the end of an epoch that has a checkpoint.
    rnn::Parameters parameters(const rnn::NetworkShape& shape, int epoch) const;

 private:
    std::filesystem::path checkpoint_file(int epoch) const;
    std::filesystem::path interrupted_file() const { return folder_ / "interrupted.h5"; }
    std::vector<std::filesystem::path> states() const;
    Archive read(const std::filesystem::path& file) const;

    std::filesystem::path folder_;
    std::string key_;
};

}  // namespace repal
