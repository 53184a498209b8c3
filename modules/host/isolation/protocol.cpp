module;
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "core/eigen.hpp"
module repal.protocol;

import repal.error;
import repal.trajectories;

namespace repal {
namespace {

enum class Kind : std::uint8_t { values, invalid_trajectories, input_error, other };

Message refused(Kind kind, const std::string& problem, const std::string& hint = {}, const std::string& where = {}) {
    return std::move(Message().put(kind).put(problem).put(hint).put(where));
}

}  // namespace

std::string_view to_string(Request request) {
    constexpr std::array<std::string_view, 10> names = {"info",     "make",     "prepare",      "harmonise", "compare",
                                                        "held_out", "generate", "ideal_action", "make",      "check"};
    return names[static_cast<std::size_t>(request)];
}

Message answer(const Message& values) {
    Message message;
    message.put(Kind::values);
    message.put_raw(values.bytes().data(), values.bytes().size());
    return message;
}

Message refusal() {
    try {
        throw;
    } catch (const InvalidTrajectories& error) {
        return refused(Kind::invalid_trajectories, error.problem(), error.hint());
    } catch (const InputError& error) {
        return refused(Kind::input_error, error.problem(), error.hint(), error.where());
    } catch (const std::exception& error) {
        return refused(Kind::other, error.what());
    } catch (...) {
        return refused(Kind::other, "what was thrown is not a std::exception");
    }
}

Message answer_of(Message message) {
    const auto kind = message.get<Kind>();
    if (kind == Kind::values) return message;
    const auto problem = message.get<std::string>();
    const auto hint = message.get<std::string>();
    if (kind == Kind::invalid_trajectories) throw InvalidTrajectories(problem, hint);
    if (kind == Kind::input_error) throw InputError(message.get<std::string>(), problem, hint);
    throw std::runtime_error(problem);
}

}  // namespace repal
