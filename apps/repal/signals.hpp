#pragma once

namespace command {

/// From here on SIGINT, SIGTERM and SIGUSR1 (clusters send it before a time limit) ask the work to stop and keep what
/// is done. A second SIGINT ends the program at once.
void stop_on_signals();

/// The signal that came first; 0 if none has.
int stop_signal();

/// Ends the program as the signal would have, so that shells and clusters see it.
[[noreturn]] void end_by(int signal);

}  // namespace command
