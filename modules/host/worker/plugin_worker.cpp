module;
#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.plugin_worker;

import repal.conformance;
import repal.process;
import repal.protocol;
import repal.registry;

namespace repal {
namespace {

/// The plugin of one file, and one object of it.
class Server {
 public:
    explicit Server(std::filesystem::path file) : file_(std::move(file)) {}

    Message answer_to(Message& question) {
        Message values;
        switch (question.get<Request>()) {
            case Request::describe:
                describe(values);
                break;
            case Request::make:
                make(question.get<OptionValues>(), values);
                break;
            case Request::prepare:
                prepare(question, values);
                break;
            case Request::harmonise:
                harmonise(question.get<std::vector<Id>>());
                break;
            case Request::compare:
                compare(question, values);
                break;
            case Request::held_out:
                held_out(question, values);
                break;
            case Request::generate:
                generate(question, values);
                break;
            case Request::ideal_action:
                values.put(task_->ideal_action(question.get<RowMatrix>()));
                break;
            case Request::list_checks:
                list_checks(question.get<OptionValues>(), values);
                break;
            case Request::check:
                check(question.get<std::size_t>(), values);
                break;
        }
        return values;
    }

 private:
    using Id = std::uint64_t;

    void describe(Message& values) {
        registry_ = Registry::of_file(file_);
        if (!registry_->metrics().empty())
            values.put(PluginKind::metric).put(registry_->metrics().begin()->second.info);
        else
            values.put(PluginKind::task).put(registry_->tasks().begin()->second.info);
    }

    void make(const OptionValues& options, Message& values) {
        if (!registry_->metrics().empty())
            metric_ = registry_->metrics().begin()->second.make(options);
        else
            task_ = registry_->tasks().begin()->second.make(options);
        if (metric_ == nullptr && task_ == nullptr) throw std::runtime_error("it made nothing");
        if (metric_ != nullptr)
            values.put(metric_->described(registry_->metrics().begin()->second.info)).put(metric_->least_steps());
        else
            values.put(task_->step_ms()).put(task_->n_conditions());
    }

    void prepare(Message& question, Message& values) {
        const auto id = question.get<Id>();
        std::shared_ptr<const Embedding> embedding = metric_->prepare(question.get<Trajectories>());
        if (embedding == nullptr) throw std::runtime_error("the metric gave no embedding");
        values.put(embedding->warning);
        systems_[id] = std::move(embedding);
    }

    void harmonise(const std::vector<Id>& ids) {
        std::vector<std::shared_ptr<const Embedding>> embeddings;
        for (const Id id : ids) embeddings.push_back(systems_.at(id));
        auto set = metric_->harmonise(std::move(embeddings));
        if (set.size() != ids.size())
            throw std::runtime_error(fmt::format("the metric did not give back {} embeddings", ids.size()));
        set_ = std::move(set);  // those of the set before are still asked for, if this one is refused
    }

    void compare(Message& question, Message& values) {
        std::vector<std::shared_ptr<const Embedding>> both;
        for (int side = 0; side < 2; ++side) {
            const bool is_of_set = question.get<bool>();
            const auto place = question.get<Id>();
            both.push_back(is_of_set ? set_.at(place) : systems_.at(place));
            if (both.back() == nullptr) throw std::runtime_error("the metric gave back no embedding");
        }
        values.put(metric_->compare(*both[0], *both[1]));
    }

    void held_out(Message& question, Message& values) {
        const auto x = question.get<Trajectories>();
        const auto is_training = question.get<std::vector<bool>>();
        const auto ranks = question.get<std::vector<Eigen::Index>>();
        values.put(metric_->held_out(x, is_training, ranks, question.get<Eigen::Index>()));
    }

    void generate(Message& question, Message& values) {
        const auto phase = question.get<Phase>();
        const auto condition = question.get<std::size_t>();
        values.put(task_->generate(phase, condition, question.get<Stream>()));
    }

    void list_checks(const OptionValues& options, Message& values) {
        checks_ = !registry_->metrics().empty() ? checks_of(registry_->metrics().begin()->second, options)
                                                : checks_of(registry_->tasks().begin()->second, options);
        std::vector<std::string> names;
        for (const Check& one : checks_) names.push_back(one.name);
        values.put(names);
    }

    void check(std::size_t index, Message& values) {
        const Finding finding = checks_.at(index).run();
        values.put(finding.verdict).put(finding.detail);
    }

    std::filesystem::path file_;
    std::optional<Registry> registry_;
    std::unique_ptr<Metric> metric_;
    std::unique_ptr<Task> task_;
    std::map<Id, std::shared_ptr<const Embedding>> systems_;
    std::vector<std::shared_ptr<const Embedding>> set_;
    std::vector<Check> checks_;
};

}  // namespace

void serve_plugin(const std::filesystem::path& file, int socket) {
    serve_as_worker(socket);
    Server server(file);
    while (auto question = receive(socket)) {
        try {
            send(socket, answer(server.answer_to(*question)));
        } catch (...) {
            send(socket, refusal());
        }
    }
}

}  // namespace repal
