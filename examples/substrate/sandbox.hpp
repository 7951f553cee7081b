/// Font work in a child process, with limits of time and memory.
///
/// The child is this program itself, started as `accrete-substrate serve-glyphs`. It opens the font and
/// answers one question at a time over a socket; whatever a hostile font does to it, the parent gets an
/// answer that it checks, or an error that names the font. It is a limit, not a jail: the child may read
/// and write what its user may.
///
///     parent: kind u32 ('f' find, 'm' missing, 'd' describe), code point u32, size u32
///     child:  length u32, then 'g' left top advance width height (i32 each) and the pixels,
///             'n' no glyph, 'j' JSON, 'v' a ValueError's text, 'e' another error's text
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <iomanip>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/io/json.hpp>
#include <accrete/substrate/glyph/rasterizer.hpp>

extern char** environ;

namespace substrate_program {

struct SandboxLimits {
  double seconds = 10;        // for one glyph, and for opening the font
  std::int64_t memory = 512;  // MiB of the child's address space
};

/// What is asked of the child.
struct GlyphRequest {
  std::uint32_t kind = 0, code_point = 0, size = 0;
};

/// A glyph as it is sent.
struct SentGlyph {
  std::int32_t left = 0, top = 0, advance = 0, width = 0, height = 0;
};

/// Reads or writes all of `bytes`; false at the end of the stream or an error.
[[nodiscard]] inline bool receive_all(int socket, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    ssize_t const count = recv(socket, bytes.data(), bytes.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}
[[nodiscard]] inline bool send_all(int socket, std::span<std::byte const> bytes) {
  while (!bytes.empty()) {
    ssize_t const count = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

/// A process of this program, and a socket to it. Ends the process when it goes.
class ChildProcess {
 public:
  /// Throws accrete::Error where the system starts no process.
  explicit ChildProcess(std::vector<std::string> arguments) {
    std::array<int, 2> sockets{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()) != 0)
      throw accrete::Error(accrete::message("socketpair: ", std::strerror(errno)));
    socket_ = sockets[0];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, sockets[1], STDIN_FILENO);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    int const error = posix_spawn(&id_, "/proc/self/exe", &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(sockets[1]);
    if (error != 0) {
      close(socket_);
      throw accrete::Error(accrete::message("posix_spawn: ", std::strerror(error)));
    }
  }
  ChildProcess(ChildProcess const&) = delete;
  ChildProcess& operator=(ChildProcess const&) = delete;
  ~ChildProcess() {
    close(socket_);
    if (id_ > 0) end();
  }

  [[nodiscard]] int socket() const { return socket_; }

  /// Kills the process and returns how it had ended, if it had: as of waitpid.
  int end() {
    int status = 0;
    if (waitpid(id_, &status, WNOHANG) == 0) {
      kill(id_, SIGKILL);
      waitpid(id_, &status, 0);
    }
    id_ = 0;
    return status;
  }
  /// Waits for a process that has closed its socket.
  int wait() {
    int status = 0;
    waitpid(id_, &status, 0);
    id_ = 0;
    return status;
  }

 private:
  int socket_ = -1;
  pid_t id_ = 0;
};

/// A GlyphRasterizer whose glyphs come from a child process; each copy has one of its own.
class SandboxedRasterizer {
 public:
  /// Opens the font: throws FileError, which names it, where that fails or goes beyond the limits.
  SandboxedRasterizer(std::string name, std::vector<std::string> arguments, SandboxLimits limits)
      : name_(std::move(name)), arguments_(std::move(arguments)), limits_(limits) {
    std::vector<std::string> all{"accrete-substrate", "serve-glyphs",
                                 "--sandbox-seconds", std::to_string(limits_.seconds),
                                 "--sandbox-memory",  std::to_string(limits_.memory)};
    all.insert(all.end(), arguments_.begin(), arguments_.end());
    child_ = std::make_unique<ChildProcess>(std::move(all));
    std::string const text = ask({.kind = 'd'}, "opening it");
    if (text[0] != 'j') refuse("its process gave no description");
    description_ = accrete::Json::parse(text.substr(1), name_ + " (as its process describes it)");
  }
  SandboxedRasterizer(SandboxedRasterizer const& other)
      : SandboxedRasterizer(other.name_, other.arguments_, other.limits_) {}
  SandboxedRasterizer(SandboxedRasterizer&&) noexcept = default;

  [[nodiscard]] std::optional<accrete::Glyph> find(char32_t code_point, accrete::Index size) {
    return glyph({'f', code_point, narrow(size)});
  }
  [[nodiscard]] accrete::Glyph missing(accrete::Index size) {
    auto found = glyph({'m', 0, narrow(size)});
    if (!found) refuse("its process gave no glyph for missing ones");
    return *std::move(found);
  }
  [[nodiscard]] std::string const& name() const { return name_; }
  /// As the font describes itself: the sandbox is of no influence on any picture.
  [[nodiscard]] accrete::Json describe() const { return description_; }

 private:
  [[nodiscard]] static std::uint32_t narrow(accrete::Index size) {
    return static_cast<std::uint32_t>(std::clamp<accrete::Index>(size, 0, 65535));
  }
  [[noreturn]] void refuse(std::string const& reason) const {
    throw accrete::FileError(name_, reason);
  }

  [[nodiscard]] std::optional<accrete::Glyph> glyph(GlyphRequest const& request);
  /// The child's answer, which has at least one byte and is no error.
  [[nodiscard]] std::string ask(GlyphRequest const& request, std::string const& what);
  [[nodiscard]] bool receive_until(std::chrono::steady_clock::time_point deadline,
                                   std::span<std::byte> bytes, std::string const& what);
  [[noreturn]] void explain_end(std::string const& what);

  std::string name_;
  std::vector<std::string> arguments_;
  SandboxLimits limits_;
  std::unique_ptr<ChildProcess> child_;
  accrete::Json description_;
};

inline std::optional<accrete::Glyph> SandboxedRasterizer::glyph(GlyphRequest const& request) {
  std::string const what =
      request.kind == 'm' ? std::string("drawing the glyph for missing ones")
                          : accrete::message("drawing U+", std::hex, std::uppercase, std::setw(4),
                                             std::setfill('0'), request.code_point);
  std::string const answer = ask(request, what);
  if (answer[0] == 'n') return std::nullopt;
  SentGlyph sent;
  if (answer[0] != 'g' || answer.size() < 1 + sizeof(sent)) refuse(what + ": no glyph came back");
  std::memcpy(&sent, answer.data() + 1, sizeof(sent));
  std::size_t const pixels = answer.size() - 1 - sizeof(sent);
  if (sent.width < 0 || sent.height < 0 ||
      static_cast<std::uint64_t>(sent.width) * static_cast<std::uint64_t>(sent.height) != pixels)
    refuse(what + ": a glyph of wrong size came back");
  accrete::Glyph glyph{accrete::Bitmap(sent.width, sent.height), sent.left, sent.top, sent.advance};
  char const* pixel = answer.data() + 1 + sizeof(sent);
  for (accrete::Index y = 0; y < sent.height; ++y)
    for (accrete::Index x = 0; x < sent.width; ++x)
      glyph.ink.at(x, y) = static_cast<std::uint8_t>(*pixel++);
  return glyph;
}

inline std::string SandboxedRasterizer::ask(GlyphRequest const& request, std::string const& what) {
  constexpr std::uint32_t longest = 1U << 26;
  auto const deadline = std::chrono::steady_clock::now() +
                        std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                            std::chrono::duration<double>(limits_.seconds));
  std::uint32_t length = 0;
  if (!send_all(child_->socket(), std::as_bytes(std::span(&request, 1))) ||
      !receive_until(deadline, std::as_writable_bytes(std::span(&length, 1)), what))
    explain_end(what);
  if (length < 1 || length > longest) refuse(what + ": its process sent no answer");
  std::string answer(length, '\0');
  if (!receive_until(deadline, std::as_writable_bytes(std::span(answer)), what)) explain_end(what);
  if (answer[0] == 'v') throw accrete::ValueError(answer.substr(1));
  if (answer[0] == 'e') throw accrete::Error(answer.substr(1));
  return answer;
}

inline bool SandboxedRasterizer::receive_until(std::chrono::steady_clock::time_point deadline,
                                               std::span<std::byte> bytes,
                                               std::string const& what) {
  while (!bytes.empty()) {
    auto const left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd waiting{child_->socket(), POLLIN, 0};
    int const ready = left.count() <= 0 ? 0 : poll(&waiting, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) {
      child_->end();
      refuse(accrete::message(what, " took longer than ", limits_.seconds,
                              " s, the limit of the sandbox"));
    }
    ssize_t const count = recv(child_->socket(), bytes.data(), bytes.size(), 0);
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

inline void SandboxedRasterizer::explain_end(std::string const& what) {
  int const status = child_->wait();
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    refuse(accrete::message(what, " took longer than ", limits_.seconds,
                            " s, the limit of the sandbox"));
  if (WIFSIGNALED(status))
    refuse(accrete::message(what, " ended its process by signal ", WTERMSIG(status), " (",
                            strsignal(WTERMSIG(status)), "), under a limit of ", limits_.memory,
                            " MiB"));
  refuse(accrete::message(what, " ended its process with status ", WEXITSTATUS(status),
                          ", under a limit of ", limits_.memory, " MiB"));
}

}  // namespace substrate_program
