module;
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
export module repal.network;

export import repal.random;
export import repal.rnn;
export import repal.store;

namespace repal {

/// How weights are drawn. Biases are uniform on +-1/sqrt(inputs) always. For a GRU, what is said of the recurrent
/// weights holds for each of its gates.
/// Source: RepAL (arXiv 2410.24070), spelled out in docs/neurotasks.md.
export enum class Initialiser : std::uint8_t {
    kaiming,     ///< uniform on +-1/sqrt(columns), all matrices
    xavier,      ///< uniform on +-sqrt(6/(rows + columns)), input and recurrent
    orthogonal,  ///< orthonormal rows or columns, input and recurrent
    diag,        ///< 1 on the diagonal of the input weights, recurrent weights the identity
    randortho,   ///< input as kaiming, recurrent orthogonal
    randgauss,   ///< normal with deviation 0.1, input and recurrent
};

/// The values of an enumeration with the names that configurations and files have for them.
export template <class Value, std::size_t n>
using Names = std::array<std::pair<Value, std::string_view>, n>;

export inline constexpr Names<Initialiser, 6> initialiser_names = {{{Initialiser::kaiming, "kaiming"},
                                                                    {Initialiser::xavier, "xavier"},
                                                                    {Initialiser::orthogonal, "orthogonal"},
                                                                    {Initialiser::diag, "diag"},
                                                                    {Initialiser::randortho, "randortho"},
                                                                    {Initialiser::randgauss, "randgauss"}}};
export inline constexpr auto cell_names = [] {
    Names<rnn::Cell, rnn::cells.size()> names;
    std::ranges::transform(rnn::cells, names.begin(),
                           [](const rnn::CellTraits& traits) { return std::pair(traits.cell, traits.name); });
    return names;
}();
export inline constexpr Names<rnn::Activation, 4> activation_names = {{{rnn::Activation::relu, "relu"},
                                                                       {rnn::Activation::leaky_relu, "leaky_relu"},
                                                                       {rnn::Activation::softplus, "softplus"},
                                                                       {rnn::Activation::tanh, "tanh"}}};

/// The value of a name that is there.
export template <class Value, std::size_t n>
Value value_of(const Names<Value, n>& names, std::string_view name) {
    return std::ranges::find(names, name, &std::pair<Value, std::string_view>::second)->first;
}

export template <class Value, std::size_t n>
std::vector<std::string> texts_of(const Names<Value, n>& names) {
    std::vector<std::string> texts;
    for (const auto& entry : names) texts.emplace_back(entry.second);
    return texts;
}

/// The readout is kaiming whatever the initialiser.
export rnn::Parameters initial_parameters(const rnn::NetworkShape& shape, Initialiser initialiser,
                                          const Stream& stream);

/// weights/input (rows, input), weights/recurrent (rows, unit), weights/bias (rows), weights/readout (output, unit);
/// rows are units, or for a GRU three blocks of them: r, z, c.
export void add_parameters(Archive& archive, const std::string& group, const rnn::NetworkShape& shape,
                           const rnn::Parameters& parameters);

/// Throws InputError if the archive holds a network of another architecture.
export rnn::Parameters parameters_from(const Archive& archive, const std::string& group,
                                       const rnn::NetworkShape& shape);

export struct Network {
    rnn::NetworkShape shape;
    rnn::Parameters parameters;
};

/// The network of a checkpoint, which has the attributes cell, activation and decay. Throws InputError if it is none.
export Network network_from(const Archive& checkpoint);

/// The four arrays of weights in one order: input, recurrent, bias, readout.
export std::array<std::vector<float>*, 4> arrays_of(rnn::Parameters& parameters);
export std::array<const std::vector<float>*, 4> arrays_of(const rnn::Parameters& parameters);

}  // namespace repal
