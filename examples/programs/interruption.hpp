/// Ctrl-C and SIGTERM as requests to stop: the first one ends the work at its next step, the second one ends the program.
#pragma once

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <stop_token>
#include <thread>

/// Make one at the beginning of main, before any other thread: the signals are blocked everywhere and a thread of its
/// own waits for them.
class Interruption {
 public:
  /// `what_follows` is said at the first signal, such as "finishing this step, then writing a checkpoint".
  explicit Interruption(char const* what_follows) : what_follows_(what_follows) {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, wake_up);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    waiter_ = std::thread([this] { wait(); });
  }
  Interruption(Interruption const&) = delete;
  Interruption& operator=(Interruption const&) = delete;
  ~Interruption() {
    closing_ = true;
    pthread_kill(waiter_.native_handle(), wake_up);
    waiter_.join();
  }

  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
  [[nodiscard]] bool requested() const { return source_.stop_requested(); }
  /// The first signal, 0 if there was none.
  [[nodiscard]] int signal() const { return signal_; }
  /// What the program ends with if it was stopped: 130 after Ctrl-C, 143 after SIGTERM.
  [[nodiscard]] int exit_status() const { return 128 + signal_; }

 private:
  static constexpr int wake_up = SIGUSR2;

  void wait() {
    for (int signal = 0; !closing_ && sigwait(&signals_, &signal) == 0;) {
      if (signal == wake_up) continue;
      if (source_.stop_requested()) _exit(128 + signal);
      signal_ = signal;
      std::fprintf(stderr, "\nstopping: %s (once more: end at once)\n", what_follows_);
      source_.request_stop();
    }
  }

  char const* what_follows_;
  sigset_t signals_{};
  std::atomic<int> signal_ = 0;
  std::atomic<bool> closing_ = false;
  std::stop_source source_;
  std::thread waiter_;
};
