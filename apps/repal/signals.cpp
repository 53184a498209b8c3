#include "signals.hpp"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <initializer_list>

namespace command {
namespace {

std::atomic<int> first_signal = 0;
static_assert(std::atomic<int>::is_always_lock_free, "a handler may set it");

void remember(int signal) {
    int none = 0;
    first_signal.compare_exchange_strong(none, signal);
}

}  // namespace

void stop_on_signals() {
    for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) {
        struct sigaction action{};
        action.sa_handler = remember;
        // A cluster may send one twice, to the job and to each of its processes; only a user means more by that.
        action.sa_flags = static_cast<int>(signal == SIGINT ? SA_RESTART | SA_RESETHAND : SA_RESTART);
        struct sigaction before{};
        sigaction(signal, nullptr, &before);
        // Shells start what they put into the background so that Ctrl-C does not reach it.
        if (before.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
    }
}

int stop_signal() {
    return first_signal;
}

void end_by(int signal) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
    std::abort();
}

}  // namespace command
