module;
#include <fmt/format.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/eigen.hpp"
module repal.isolated;

import repal.error;
import repal.process;
import repal.protocol;

namespace repal {
namespace {

// The bytes of trajectories that one process is sent before it is given up; a metric may keep as much again of them.
constexpr std::size_t bytes_of_worker = std::size_t{1} << 30;

using Id = std::uint64_t;

Id next_id() {
    static std::atomic<Id> last = 0;
    return ++last;
}

/// A process that has made one plugin object.
struct Worker {
    explicit Worker(const std::filesystem::path& file) : process({std::string(worker_command), file.string()}) {}

    Process process;
    Message made = {};        ///< what was said of the object
    std::set<Id> known = {};  ///< systems that it has prepared
    Id harmonised = 0;        ///< the set of them that it has harmonised last
    std::size_t bytes = 0;    ///< of the systems
    std::size_t bytes_harmonised = 0;

    /// Whether the process holds more than it may, not counting the set that is being compared.
    bool is_full() const { return bytes > bytes_of_worker + bytes_harmonised; }
};

/// The processes of one plugin object; a call takes one that is idle, or starts one.
class Workers {
 public:
    Workers(std::filesystem::path file, OptionValues options, double timeout_s)
        : file_(std::move(file)), options_(std::move(options)), timeout_s_(timeout_s) {}

    /// Calls work(worker) with a worker that is idle or new. One that did not answer or is full is not used again.
    template <class Work>
    auto with_worker(Work work) {
        std::unique_ptr<Worker> worker = idle();
        try {
            auto result = work(*worker);
            if (!worker->is_full()) give_back(std::move(worker));
            return result;
        } catch (const NoAnswer&) {
            throw;
        } catch (...) {
            give_back(std::move(worker));
            throw;
        }
    }

    Message ask(Worker& worker, Request request, const Message& arguments) const {
        Message message;
        message.put(request);
        message.put_raw(arguments.bytes().data(), arguments.bytes().size());
        try {
            worker.process.send(message, timeout_s_);
            return answer_of(worker.process.receive(timeout_s_));
        } catch (const NoAnswer& failure) {
            throw NoAnswer(fmt::format("{} of {}: {}", to_string(request), file_.filename().string(), failure.what()),
                           failure.is_late());
        }
    }

 private:
    std::unique_ptr<Worker> idle() {
        {
            const std::lock_guard lock(mutex_);
            if (!idle_.empty()) {
                auto worker = std::move(idle_.back());
                idle_.pop_back();
                return worker;
            }
        }
        auto worker = std::make_unique<Worker>(file_);
        ask(*worker, Request::describe, {});
        worker->made = ask(*worker, Request::make, Message().put(options_));
        return worker;
    }

    void give_back(std::unique_ptr<Worker> worker) {
        const std::lock_guard lock(mutex_);
        idle_.push_back(std::move(worker));
    }

    std::filesystem::path file_;
    OptionValues options_;
    double timeout_s_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Worker>> idle_;
};

struct IsolatedSet;

/// A system, to be prepared in whichever process needs it.
struct IsolatedEmbedding final : Embedding {
    Id id = 0;
    std::shared_ptr<const Trajectories> x;
    std::shared_ptr<const IsolatedSet> set;  ///< that it was harmonised with, as `index`; null: it was not
    Id index = 0;
};

struct IsolatedSet {
    Id id = 0;
    std::vector<std::shared_ptr<const IsolatedEmbedding>> members;
};

class RemoteMetric final : public Metric {
 public:
    RemoteMetric(const std::filesystem::path& file, const OptionValues& options, double timeout_s)
        : workers_(file, options, timeout_s) {
        Message made = workers_.with_worker([](Worker& worker) { return worker.made; });
        described_ = made.get<MetricInfo>();
        least_steps_ = made.get<Eigen::Index>();
    }

    MetricInfo described(MetricInfo /*info*/) const override { return described_; }
    Eigen::Index least_steps() const override { return least_steps_; }

    std::unique_ptr<Embedding> prepare(const Trajectories& x) const override {
        auto embedding = std::make_unique<IsolatedEmbedding>();
        embedding->id = next_id();
        embedding->x = std::make_shared<const Trajectories>(x);
        embedding->bytes = sizeof(double) * static_cast<std::size_t>(x.rows().size());
        embedding->warning =
            workers_.with_worker([&](Worker& worker) { return prepare(worker, *embedding).get<std::string>(); });
        return embedding;
    }

    std::vector<std::shared_ptr<const Embedding>> harmonise(
        std::vector<std::shared_ptr<const Embedding>> embeddings) const override {
        auto set = std::make_shared<IsolatedSet>();
        set->id = next_id();
        for (const auto& embedding : embeddings)
            set->members.push_back(std::static_pointer_cast<const IsolatedEmbedding>(embedding));
        workers_.with_worker([&](Worker& worker) { return (require(worker, *set), 0); });
        for (std::size_t i = 0; i < embeddings.size(); ++i) {
            auto harmonised = std::make_shared<IsolatedEmbedding>(*set->members[i]);
            harmonised->set = set;
            harmonised->index = i;
            embeddings[i] = std::move(harmonised);
        }
        return embeddings;
    }

    std::vector<std::optional<HeldOut>> held_out(const Trajectories& x, const std::vector<bool>& is_training,
                                                 std::span<const Eigen::Index> ranks,
                                                 Eigen::Index first_target) const override {
        Message arguments;
        arguments.put(x).put(is_training).put(std::vector(ranks.begin(), ranks.end())).put(first_target);
        return workers_.with_worker([&](Worker& worker) {
            return workers_.ask(worker, Request::held_out, arguments).get<std::vector<std::optional<HeldOut>>>();
        });
    }

    Score compare(const Embedding& a, const Embedding& b) const override {
        const auto& first = static_cast<const IsolatedEmbedding&>(a);
        const auto& second = static_cast<const IsolatedEmbedding&>(b);
        return workers_.with_worker([&](Worker& worker) {
            Message arguments;
            for (const IsolatedEmbedding* embedding : {&first, &second}) {
                const bool is_of_set = embedding->set != nullptr;
                if (is_of_set)
                    require(worker, *embedding->set);
                else
                    require(worker, *embedding);
                arguments.put(is_of_set).put(is_of_set ? embedding->index : embedding->id);
            }
            return workers_.ask(worker, Request::compare, arguments).get<Score>();
        });
    }

 private:
    Message prepare(Worker& worker, const IsolatedEmbedding& embedding) const {
        Message answer = workers_.ask(worker, Request::prepare, Message().put(embedding.id).put(*embedding.x));
        worker.known.insert(embedding.id);
        worker.bytes += embedding.bytes;
        return answer;
    }

    void require(Worker& worker, const IsolatedEmbedding& embedding) const {
        if (!worker.known.contains(embedding.id)) prepare(worker, embedding);
    }

    void require(Worker& worker, const IsolatedSet& set) const {
        if (worker.harmonised == set.id) return;
        std::vector<Id> members;
        worker.bytes_harmonised = 0;
        for (const auto& member : set.members) {
            require(worker, *member);
            members.push_back(member->id);
            worker.bytes_harmonised += member->bytes;
        }
        workers_.ask(worker, Request::harmonise, Message().put(members));
        worker.harmonised = set.id;
    }

    mutable Workers workers_;
    MetricInfo described_;
    Eigen::Index least_steps_;
};

class RemoteTask final : public Task {
 public:
    RemoteTask(const std::filesystem::path& file, const OptionValues& options, double timeout_s)
        : workers_(file, options, timeout_s) {
        Message made = workers_.with_worker([](Worker& worker) { return worker.made; });
        step_ms_ = made.get<double>();
        n_conditions_ = made.get<std::size_t>();
    }

    double step_ms() const override { return step_ms_; }
    std::size_t n_conditions() const override { return n_conditions_; }

    Trial generate(Phase phase, std::size_t condition, const Stream& stream) const override {
        return asked(Request::generate, Message().put(phase).put(condition).put(stream)).get<Trial>();
    }

    std::optional<std::size_t> ideal_action(const RowMatrix& observations) const override {
        return asked(Request::ideal_action, Message().put(observations)).get<std::optional<std::size_t>>();
    }

 private:
    Message asked(Request request, const Message& arguments) const {
        return workers_.with_worker([&](Worker& worker) { return workers_.ask(worker, request, arguments); });
    }

    mutable Workers workers_;
    double step_ms_;
    std::size_t n_conditions_;
};

}  // namespace

std::variant<IsolatedMetric, IsolatedTask> isolated(const std::filesystem::path& file, const Isolation& isolation) {
    const double timeout_s = isolation.timeout_s;
    Process process({std::string(worker_command), file.string()});
    Message answer;
    try {
        process.send(Message().put(Request::describe), timeout_s);
        answer = answer_of(process.receive(timeout_s));
    } catch (const NoAnswer& failure) {
        throw InputError("", fmt::format("when it was loaded, {}", failure.what()));
    } catch (const std::exception& failure) {
        throw InputError("", failure.what());
    }
    if (answer.get<PluginKind>() == PluginKind::metric)
        return IsolatedMetric{answer.get<MetricInfo>(), [file, timeout_s](const OptionValues& options) {
                                  return std::make_unique<RemoteMetric>(file, options, timeout_s);
                              }};
    return IsolatedTask{answer.get<TaskInfo>(), [file, timeout_s](const OptionValues& options) {
                            return std::make_unique<RemoteTask>(file, options, timeout_s);
                        }};
}

}  // namespace repal
