module;
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>
export module repal.curriculum;

import repal.config;
export import repal.training;

namespace repal {

/// Hyperparameters of a network.
export struct Setting {
    std::string cell;
    std::string activation;
    std::int64_t n_rnn = 0;
    double learning_rate = 0;
    std::int64_t batch_size = 0;
    std::string initialiser;
    std::size_t number = 0;  ///< its place in what read_settings() gives

    /// "leaky_rnn_relu_128_0.001_64_kaiming"
    std::string name() const;

    /// The values by their names in the configuration, for filters.
    std::vector<std::pair<std::string, std::string>> values() const;

    rnn::NetworkShape shape(std::size_t inputs, std::size_t outputs, double decay) const;
    Initialiser drawn_by() const;
};

/// What a network learns, first and then.
export struct Curriculum {
    std::string name;
    std::vector<std::size_t> pretrain;  ///< rules, numbers in the ruleset; all parameters train
    std::vector<std::size_t> train;     ///< none: untrained
    rnn::Wanted trainable;              ///< in `train`
    std::size_t number = 0;             ///< its place in Ruleset::curricula
};

/// The tasks that networks learn, and the ways to learn them.
export struct Ruleset {
    std::string name;
    std::vector<std::string> tasks;  ///< rule r of a network is tasks[r]
    std::vector<Curriculum> curricula;
};

/// All combinations of the lists in `networks`: cell, activation, n_rnn, learning_rate, batch_size, initialiser.
export std::vector<Setting> read_settings(const Config& networks);

/// `rulesets` with the curricula of the same names; a ruleset without curricula has data and no networks.
///
///     rulesets: {PDM: [Pro, Anti]}
///     curricula: {PDM: {master: {train: [Anti]}, frozen: {pretrain: [Pro], train: [Anti], trainable: input}}}
export std::vector<Ruleset> read_rulesets(const Config& rulesets, const Config& curricula);

/// Everything but what a setting holds: epochs, target, penalties, noise.
export TrainingOptions read_training(const Config& training);

/// Everything that determines a training, in one line, for keys.
export std::string text_of(const TrainingOptions& options);
export std::string text_of(const rnn::Wanted& trainable);

}  // namespace repal
