module;
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <map>
#include <span>
#include <utility>
#include <vector>
module repal.permutation;

namespace repal {
namespace {

/// The values of the slots of a block; next() goes through their distinct orders.
class BlockValues {
 public:
    BlockValues(const Exchange::Block& block, std::span<const std::size_t> values, bool is_cyclic)
        : block_(&block), is_cyclic_(is_cyclic) {
        for (const Exchange::Slot& slot : block) values_.push_back(values[slot.front()]);
    }

    /// n! / product of the factorials of how often each value is there.
    double orders() const {
        if (is_cyclic_) return static_cast<double>(values_.size());
        std::map<std::size_t, std::size_t> times;
        double product = 1;
        for (std::size_t i = 0; i < values_.size(); ++i)
            product *= static_cast<double>(i + 1) / static_cast<double>(++times[values_[i]]);
        return std::round(product);
    }

    /// The first order.
    void begin() {
        if (!is_cyclic_) std::ranges::sort(values_);
    }

    /// False after the last order, and then it is the first one again.
    bool next() {
        if (!is_cyclic_) return std::ranges::next_permutation(values_).found;
        std::ranges::rotate(values_, values_.begin() + 1);
        shifted_ = (shifted_ + 1) % values_.size();
        return shifted_ != 0;
    }

    void write_to(std::vector<std::size_t>& all) const {
        for (std::size_t i = 0; i < values_.size(); ++i)
            for (const std::size_t thing : (*block_)[i]) all[thing] = values_[i];
    }

    void draw_to(std::vector<std::size_t>& all, Stream& stream) const {
        const std::size_t n = values_.size();
        const std::size_t shift = is_cyclic_ ? stream.below(n) : 0;
        const std::vector<std::size_t> order = is_cyclic_ ? std::vector<std::size_t>{} : stream.permutation(n);
        for (std::size_t i = 0; i < n; ++i)
            for (const std::size_t thing : (*block_)[i]) all[thing] = values_[is_cyclic_ ? (i + shift) % n : order[i]];
    }

 private:
    const Exchange::Block* block_;
    bool is_cyclic_;
    std::vector<std::size_t> values_;
    std::size_t shifted_ = 0;
};

// Sums in another order differ in rounding; such values count as equal.
double with_rounding(double statistic) {
    constexpr double rounding = 1e-10;
    return statistic - rounding * std::max(1.0, std::abs(statistic));
}

}  // namespace

Exchange Exchange::of_all(std::size_t n) {
    Block block;
    for (std::size_t thing = 0; thing < n; ++thing) block.push_back({thing});
    return {.blocks = {std::move(block)}};
}

Exchange Exchange::within(std::span<const std::size_t> strata) {
    std::map<std::size_t, Block> blocks;
    for (std::size_t thing = 0; thing < strata.size(); ++thing) blocks[strata[thing]].push_back({thing});
    Exchange exchange;
    for (auto& [stratum, block] : blocks) exchange.blocks.push_back(std::move(block));
    return exchange;
}

Exchange Exchange::of_subjects(std::span<const std::size_t> subjects, std::span<const std::size_t> values) {
    std::map<std::size_t, Slot> things;
    for (std::size_t thing = 0; thing < subjects.size(); ++thing) things[subjects[thing]].push_back(thing);
    Exchange exchange;
    Block wholes;
    for (auto& [subject, slot] : things) {
        const auto value = [&](std::size_t thing) { return values[thing]; };
        if (std::ranges::adjacent_find(slot, std::ranges::not_equal_to{}, value) == slot.end()) {
            wholes.push_back(std::move(slot));
            continue;
        }
        Block& block = exchange.blocks.emplace_back();
        for (const std::size_t thing : slot) block.push_back({thing});
    }
    if (!wholes.empty()) exchange.blocks.push_back(std::move(wholes));
    return exchange;
}

Exchange Exchange::shifts(std::span<const std::size_t> order) {
    Block block;
    for (const std::size_t thing : order) block.push_back({thing});
    return {.blocks = {std::move(block)}, .is_cyclic = true};
}

bool Exchange::keeps_counts() const {
    return std::ranges::all_of(blocks, [](const Block& block) {
        return std::ranges::adjacent_find(block, std::ranges::not_equal_to{}, &Slot::size) == block.end();
    });
}

std::size_t Exchange::n_things() const {
    std::size_t n = 0;
    for (const Block& block : blocks)
        for (const Slot& slot : block) n += slot.size();
    return n;
}

PermutationTest permutation_test(const Exchange& exchange, std::span<const std::size_t> values,
                                 const std::function<double(std::span<const std::size_t>)>& statistic, int resamples,
                                 Stream stream) {
    PermutationTest test{.statistic = statistic(values)};
    std::vector<BlockValues> blocks;
    for (const Exchange::Block& block : exchange.blocks)
        test.orders *= blocks.emplace_back(block, values, exchange.is_cyclic).orders();
    if (std::isnan(test.statistic)) {
        test.p = test.least_p = std::numeric_limits<double>::quiet_NaN();
        return test;
    }
    std::vector<std::size_t> permuted(values.begin(), values.end());
    const double observed = with_rounding(test.statistic);
    double as_large = 0;
    if (test.orders > resamples) {
        for (int draw = 0; draw < resamples; ++draw) {
            for (const BlockValues& block : blocks) block.draw_to(permuted, stream);
            as_large += statistic(permuted) < observed ? 0 : 1;
        }
        test.p = (as_large + 1) / (resamples + 1);
        test.least_p = 1.0 / (resamples + 1);
        return test;
    }
    std::vector<double> all;
    for (BlockValues& block : blocks) block.begin();
    for (std::size_t turned = 0; turned < blocks.size();) {
        for (const BlockValues& block : blocks) block.write_to(permuted);
        all.push_back(statistic(permuted));
        // The last order of one block is followed by the next order of the block after it.
        turned = 0;
        while (turned < blocks.size() && !blocks[turned].next()) ++turned;
    }
    const auto share_of_at_least = [&](double bound) {
        const auto n = std::ranges::count_if(all, [&](double value) { return !(value < bound); });
        return static_cast<double>(n) / static_cast<double>(all.size());
    };
    test.p = share_of_at_least(observed);
    double largest = test.statistic;
    for (const double value : all) largest = std::max(largest, value);  // NaN is never larger
    test.least_p = share_of_at_least(with_rounding(largest));
    return test;
}

}  // namespace repal
