#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

import repal.error;
import repal.process;
import repal.protocol;
import repal.trajectories;

namespace {

using repal::InputError;
using repal::InvalidTrajectories;
using repal::Message;

/// What the other process answers where this is thrown.
template <class Thrown>
Message refusal_of(const Thrown& thrown) {
    try {
        throw thrown;
    } catch (...) {
        return repal::refusal();
    }
}

template <class Expected>
std::string thrown_by(const Message& answer) {
    try {
        repal::answer_of(answer);
    } catch (const Expected& error) {
        return error.what();
    }
    return "nothing";
}

TEST(Answer, HasTheValuesInTheirOrder) {
    Message values;
    values.put(std::int32_t{7}).put(std::string("seven"));

    Message received = repal::answer_of(Message(repal::answer(values).bytes()));

    EXPECT_EQ(received.get<std::int32_t>(), 7);
    EXPECT_EQ(received.get<std::string>(), "seven");
    EXPECT_THROW(received.get<std::int32_t>(), std::runtime_error);
}

TEST(Answer, ThrowsWhatThePluginThrew) {
    EXPECT_EQ(thrown_by<InputError>(refusal_of(InputError("rank", "it is wrong", "make it right"))),
              "rank: it is wrong; make it right");
    EXPECT_EQ(thrown_by<InvalidTrajectories>(refusal_of(InvalidTrajectories("too short", "10 steps are needed"))),
              "too short; 10 steps are needed");
    EXPECT_EQ(thrown_by<std::runtime_error>(refusal_of(std::logic_error("broken"))), "broken");
    EXPECT_EQ(thrown_by<std::runtime_error>(refusal_of(7)), "what was thrown is not a std::exception");
}

TEST(Answer, ThatIsCutOffIsRefused) {
    const std::string whole = refusal_of(InputError("rank", "it is wrong", "make it right")).bytes();

    EXPECT_THROW(repal::answer_of(Message()), std::runtime_error);
    for (std::size_t length = 0; length < whole.size(); ++length)
        EXPECT_EQ(thrown_by<std::runtime_error>(Message(whole.substr(0, length))),
                  "the message of another process is too short")
            << length;
}

/// Two ends of a socket, as two processes have them.
class Socket : public testing::Test {
 protected:
    void SetUp() override { ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_), 0); }
    void TearDown() override {
        close_end(0);
        close_end(1);
    }

    void close_end(std::size_t i) {
        if (ends_[i] >= 0) ::close(ends_[i]);
        ends_[i] = -1;
    }

    void write_raw(const std::string& bytes) {
        ASSERT_EQ(::write(ends_[0], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    }

    int ends_[2] = {-1, -1};
};

TEST_F(Socket, MessagesArriveOneByOne) {
    repal::send(ends_[0], Message("first"));
    repal::send(ends_[0], Message());
    repal::send(ends_[0], Message("third"));

    for (const std::string& expected : {std::string("first"), std::string(), std::string("third")}) {
        const std::optional<Message> received = repal::receive(ends_[1]);
        ASSERT_TRUE(received);
        EXPECT_EQ(received->bytes(), expected);
    }
}

TEST_F(Socket, AMessageLargerThanItsBufferArrivesWhole) {
    const Message sent(std::string(std::size_t{8} << 20, 'x'));

    std::optional<Message> received;
    {
        const std::jthread other_process([&] { repal::send(ends_[0], sent); });
        received = repal::receive(ends_[1]);
    }

    ASSERT_TRUE(received);
    EXPECT_TRUE(received->bytes() == sent.bytes());
}

TEST_F(Socket, ClosedHasNoMessage) {
    close_end(0);

    EXPECT_FALSE(repal::receive(ends_[1]));
}

TEST_F(Socket, ClosedWithinAMessageHasNone) {
    const std::uint64_t size = 100;
    write_raw(std::string(reinterpret_cast<const char*>(&size), sizeof size) + "less than that");
    close_end(0);

    EXPECT_FALSE(repal::receive(ends_[1]));
}

TEST_F(Socket, AMessageThatClaimsMoreThanComesTakesNoMemoryForIt) {
    const std::uint64_t size = std::uint64_t{1} << 60;
    write_raw(std::string(reinterpret_cast<const char*>(&size), sizeof size) + "less than that");
    close_end(0);

    EXPECT_FALSE(repal::receive(ends_[1]));
}

TEST_F(Socket, ClosedWithinTheSizeOfAMessageHasNone) {
    write_raw("abc");
    close_end(0);

    EXPECT_FALSE(repal::receive(ends_[1]));
}

// A signal that nobody awaits would end the program.
TEST_F(Socket, ThatTheOtherHasClosedEndsNobodyWhoSends) {
    close_end(1);

    EXPECT_NO_THROW(repal::send(ends_[0], Message("to nobody")));
}

}  // namespace
