module;
#include <cstddef>
#include <functional>
#include <span>
#include <vector>
export module repal.permutation;

export import repal.random;

namespace repal {

/// What may change places if a null hypothesis holds. In each block the values of all slots are exchangeable; all
/// things of a slot have one value. Every thing is in one slot.
export struct Exchange {
    using Slot = std::vector<std::size_t>;
    using Block = std::vector<Slot>;
    std::vector<Block> blocks;
    bool is_cyclic = false;  ///< values of a block are only shifted along its slots, as those of one course in time

    /// All of n things.
    static Exchange of_all(std::size_t n);

    /// Things of the same stratum.
    static Exchange within(std::span<const std::size_t> strata);

    /// What is independent are subjects. Where `values` vary within a subject, its things are exchangeable; the other
    /// subjects are exchanged as wholes.
    static Exchange of_subjects(std::span<const std::size_t> subjects, std::span<const std::size_t> values);

    /// Things in this order, shifted from its end to its beginning. Source: Davison & Hinkley 1997, 4.3.
    static Exchange shifts(std::span<const std::size_t> order);

    std::size_t n_things() const;

    /// Whether every value is as frequent in every order: not if wholes of unequal size change places.
    bool keeps_counts() const;
};

/// How unusual a statistic is among all orders of the values.
export struct PermutationTest {
    double statistic = 0;
    double p = 1;        ///< share of orders whose statistic is at least as large; NaN if there is no statistic
    double orders = 1;   ///< distinct ones that there are
    double least_p = 1;  ///< what p would be of the largest statistic: with few orders no p is small
};

/// Of all distinct orders if they are at most `resamples`, else of `resamples` drawn ones and the observed one.
/// `values`: of each thing, equal where they are exchanged without effect. `statistic` takes them in another order;
/// what is NaN there counts as large. Source: Phipson & Smyth 2010; Anderson & ter Braak 2003 for what is exchangeable.
export PermutationTest permutation_test(const Exchange& exchange, std::span<const std::size_t> values,
                                        const std::function<double(std::span<const std::size_t>)>& statistic,
                                        int resamples, Stream stream);

}  // namespace repal
