module;
#include <Eigen/Core>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>
export module repal.message;

import repal.metric;
import repal.task;

namespace repal {

template <class T, class As>
using WithConstOf = std::conditional_t<std::is_const_v<T>, const As, As>;

/// The members of what crosses the border between two processes, in their order. Names are bound to all of them, so
/// that a member that is added does not build until it crosses, too.
template <class T>
auto members_of(T& x) {
    using Plain = std::remove_const_t<T>;
    if constexpr (std::is_same_v<Plain, OptionInfo>) {
        // The default value is all that it adds to the text.
        static_assert(sizeof(OptionInfo) == sizeof(OptionText) + sizeof(OptionValue));
        auto& [name, unit, summary, minimum, maximum, choices, is_automatic] =
            static_cast<WithConstOf<T, OptionText>&>(x);
        return std::tie(name, unit, summary, minimum, maximum, choices, is_automatic, x.default_value);
    } else if constexpr (std::is_same_v<Plain, MetricInfo>) {
        auto& [name, version, family, summary, source, invariances, has_triangle_inequality, largest_rad, corresponding,
               needs_equal_steps, has_common_form, depends_on_size, most_samples, most_trials, values, curves,
               options] = x;
        return std::tie(name, version, family, summary, source, invariances, has_triangle_inequality, largest_rad,
                        corresponding, needs_equal_steps, has_common_form, depends_on_size, most_samples, most_trials,
                        values, curves, options);
    } else if constexpr (std::is_same_v<Plain, CurveInfo>) {
        auto& [name, summary] = x;
        return std::tie(name, summary);
    } else if constexpr (std::is_same_v<Plain, ValueInfo>) {
        auto& [name, summary, unit, minimum, maximum, larger_is_alike, direction] = x;
        return std::tie(name, summary, unit, minimum, maximum, larger_is_alike, direction);
    } else if constexpr (std::is_same_v<Plain, TaskInfo>) {
        auto& [name, version, summary, source, channels, actions, outputs, condition, options] = x;
        return std::tie(name, version, summary, source, channels, actions, outputs, condition, options);
    } else if constexpr (std::is_same_v<Plain, HeldOut>) {
        auto& [gain, residual, mase, free_error, modes] = x;
        return std::tie(gain, residual, mase, free_error, modes);
    } else if constexpr (std::is_same_v<Plain, HeldOutMode>) {
        auto& [eigenvalue, residual] = x;
        return std::tie(eigenvalue, residual);
    } else if constexpr (std::is_same_v<Plain, Trial>) {
        auto& [observations, targets, periods, condition] = x;
        return std::tie(observations, targets, periods, condition);
    } else {
        static_assert(std::is_same_v<Plain, Shape> || std::is_same_v<Plain, Period>);
        auto& [first, second, third] = x;
        return std::tie(first, second, third);
    }
}

template <class T>
struct Transfer;

template <class T>
concept Raw = std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_same_v<T, Stream> ||
              std::is_same_v<T, std::complex<double>>;

/// Values in a row of bytes, for another process of the same program on the same machine.
export class Message {
 public:
    Message() = default;
    explicit Message(std::string bytes) : bytes_(std::move(bytes)) {}

    template <class T>
    Message& put(const T& value) {
        Transfer<T>::put(*this, value);
        return *this;
    }

    /// The next value, of the type that was put. Throws std::runtime_error if there is none.
    template <class T>
    T get() {
        return Transfer<T>::get(*this);
    }

    const std::string& bytes() const { return bytes_; }

    void put_raw(const void* from, std::size_t n) { bytes_.append(static_cast<const char*>(from), n); }
    /// Throws unless as many bytes are left: asked before memory is taken for what a message says.
    void require(std::size_t n) const {
        if (n > bytes_.size() - read_) throw std::runtime_error("the message of another process is too short");
    }
    void get_raw(void* to, std::size_t n) {
        require(n);
        if (n > 0) std::memcpy(to, bytes_.data() + read_, n);
        read_ += n;
    }

 private:
    std::string bytes_;
    std::size_t read_ = 0;
};

template <class T>
struct Transfer {
    static void put(Message& message, const T& value) {
        if constexpr (Raw<T>)
            message.put_raw(&value, sizeof value);
        else
            std::apply([&](const auto&... member) { (message.put(member), ...); }, members_of(value));
    }
    static T get(Message& message) {
        if constexpr (std::is_same_v<T, Stream>) {
            Stream stream(0);
            message.get_raw(&stream, sizeof stream);
            return stream;
        } else if constexpr (Raw<T>) {
            T value;
            message.get_raw(&value, sizeof value);
            return value;
        } else {
            T value;
            std::apply([&](auto&... member) { ((member = message.get<std::remove_cvref_t<decltype(member)>>()), ...); },
                       members_of(value));
            return value;
        }
    }
};

template <>
struct Transfer<std::monostate> {
    static void put(Message& /*message*/, std::monostate /*nothing*/) {}
    static std::monostate get(Message& /*message*/) { return {}; }
};

/// A score crosses column by column, so that its members are listed in one place, score_columns().
template <>
struct Transfer<Score> {
    static void put(Message& message, const Score& score) {
        for (const ScoreColumn& column : score_columns())
            if (column.set != nullptr) message.put(column.get(score));
    }
    static Score get(Message& message) {
        Score score;
        for (const ScoreColumn& column : score_columns())
            if (column.set != nullptr) column.set(score, message.get<ScoreValue>());
        return score;
    }
};

template <>
struct Transfer<Trajectories> {
    static void put(Message& message, const Trajectories& x) {
        std::vector<Eigen::Index> steps;
        for (Eigen::Index k = 0; k < x.shape().trials; ++k) steps.push_back(x.steps(k));
        message.put(steps).put(x.rows()).put(x.dt()).put(x.inputs()).put(x.conditions());
    }
    static Trajectories get(Message& message) {
        const auto steps = message.get<std::vector<Eigen::Index>>();
        const auto rows = message.get<RowMatrix>();
        std::vector<RowMatrix> trials;
        Eigen::Index first = 0;
        for (const Eigen::Index n : steps) {
            if (n < 0 || n > rows.rows() - first) throw std::runtime_error("the message of another process is damaged");
            trials.emplace_back(rows.middleRows(first, n));
            first += n;
        }
        const auto dt = message.get<std::optional<double>>();
        auto inputs = message.get<RowMatrix>();
        return Trajectories::from_trials(trials)
            .with_dt(dt)
            .with_inputs(std::move(inputs))
            .with_conditions(message.get<std::vector<std::int64_t>>());
    }
};

template <>
struct Transfer<std::string> {
    static void put(Message& message, const std::string& text) {
        message.put(text.size());
        message.put_raw(text.data(), text.size());
    }
    static std::string get(Message& message) {
        const auto size = message.get<std::size_t>();
        message.require(size);
        std::string text(size, '\0');
        message.get_raw(text.data(), size);
        return text;
    }
};

template <int order>
struct Transfer<Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, order>> {
    using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, order>;
    static void put(Message& message, const Matrix& matrix) {
        message.put(matrix.rows()).put(matrix.cols());
        message.put_raw(matrix.data(), sizeof(double) * static_cast<std::size_t>(matrix.size()));
    }
    static Matrix get(Message& message) {
        const auto rows = message.get<Eigen::Index>();
        const auto columns = message.get<Eigen::Index>();
        if (rows < 0 || columns < 0) throw std::runtime_error("the message of another process is damaged");
        constexpr std::size_t most = std::numeric_limits<std::size_t>::max() / sizeof(double);
        const auto [n_rows, n_columns] = std::pair(static_cast<std::size_t>(rows), static_cast<std::size_t>(columns));
        message.require(n_columns > 0 && n_rows > most / n_columns ? most : sizeof(double) * n_rows * n_columns);
        Matrix matrix(rows, columns);
        message.get_raw(matrix.data(), sizeof(double) * static_cast<std::size_t>(matrix.size()));
        return matrix;
    }
};

template <class T>
struct Transfer<std::optional<T>> {
    static void put(Message& message, const std::optional<T>& value) {
        message.put(value.has_value());
        if (value) message.put(*value);
    }
    static std::optional<T> get(Message& message) {
        if (!message.get<bool>()) return {};
        return message.get<T>();
    }
};

template <class T>
struct Transfer<std::vector<T>> {
    static void put(Message& message, const std::vector<T>& values) {
        message.put(values.size());
        for (const T& value : values) message.put(value);
    }
    static std::vector<T> get(Message& message) {
        std::vector<T> values;
        for (auto left = message.get<std::size_t>(); left > 0; --left) values.push_back(message.get<T>());
        return values;
    }
};

template <class Key, class T>
struct Transfer<std::map<Key, T>> {
    static void put(Message& message, const std::map<Key, T>& values) {
        message.put(values.size());
        for (const auto& [key, value] : values) message.put(key).put(value);
    }
    static std::map<Key, T> get(Message& message) {
        std::map<Key, T> values;
        for (auto left = message.get<std::size_t>(); left > 0; --left) {
            auto key = message.get<Key>();
            values.emplace(std::move(key), message.get<T>());
        }
        return values;
    }
};

template <class... T>
struct Transfer<std::variant<T...>> {
    using Value = std::variant<T...>;
    static void put(Message& message, const Value& value) {
        message.put(value.index());
        std::visit([&](const auto& held) { message.put(held); }, value);
    }
    static Value get(Message& message) {
        const auto index = message.get<std::size_t>();
        Value value;
        std::size_t i = 0;
        ((i++ == index ? void(value = message.get<T>()) : void()), ...);
        return value;
    }
};

}  // namespace repal
