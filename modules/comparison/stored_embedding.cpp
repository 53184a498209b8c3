module;
#include <fmt/format.h>

#include <Eigen/Core>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/eigen.hpp"
module repal.prepared_systems;

import :stored_embedding;
import repal.hash;
import repal.store;

namespace repal {
namespace {

Array array_of(const Eigen::MatrixXd& matrix) {
    const RowMatrix rows = matrix;
    return {.shape = {static_cast<std::uint64_t>(rows.rows()), static_cast<std::uint64_t>(rows.cols())},
            .values = std::vector<double>(rows.data(), rows.data() + rows.size())};
}

Eigen::MatrixXd matrix_of(const Array& array) {
    const auto& values = std::get<std::vector<double>>(array.values);
    return Eigen::Map<const RowMatrix>(values.data(), static_cast<Eigen::Index>(array.shape.at(0)),
                                       static_cast<Eigen::Index>(array.shape.at(1)));
}

RestoredEmbedding restored(const Archive& archive, const Metric& metric) {
    EmbeddingArrays arrays;
    for (const auto& [name, array] : archive.arrays) arrays[name] = matrix_of(array);
    RestoredEmbedding found{metric.restore(arrays), {.name = archive.attribute("state"), .performance = {}}};
    if (found.embedding == nullptr) throw SystemFailed("the metric gave no embedding");
    found.embedding->warning = archive.attribute("warning");
    if (archive.attributes.contains("performance")) found.state.performance = archive.number("performance");
    return found;
}

}  // namespace

StoredEmbedding::StoredEmbedding(const std::filesystem::path& results, std::string key)
    : file_(results / "embeddings" / (hash_hex(key) + ".h5")), key_(std::move(key)) {}

std::optional<RestoredEmbedding> StoredEmbedding::read(const Metric& metric) const {
    if (!std::filesystem::is_regular_file(file_)) return {};
    try {
        const Archive archive = read_archive(file_);
        if (archive.attribute("key") == key_) return restored(archive, metric);
    } catch (...) {  // NOLINT(bugprone-empty-catch): also whatever a plugin throws: it is prepared anew
    }
    return {};
}

void StoredEmbedding::write(const Embedding& embedding, const ObservedState& state) const {
    Archive archive;
    try {
        for (const auto& [name, matrix] : embedding.arrays()) archive.arrays[name] = array_of(matrix);
    } catch (...) {  // whatever a plugin throws: it is prepared in every process
        return;
    }
    if (archive.arrays.empty()) return;
    archive.attributes = {{"key", key_}, {"warning", embedding.warning}, {"state", state.name}};
    if (state.performance) archive.attributes["performance"] = fmt::format("{}", *state.performance);
    write_archive(file_, archive);
}

}  // namespace repal
