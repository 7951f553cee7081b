/// What the library throws when data, files or arguments are wrong.
#pragma once

#include <cstdint>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Base of all of accrete's exceptions: one sentence that says where, what was expected, what came.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A tensor, session or configuration that does not fit.
class ShapeError : public Error {
 public:
  using Error::Error;
};

/// A value out of its range (a learning rate, a token id, a temperature).
class ValueError : public Error {
 public:
  using Error::Error;
};

/// Two parts that do not belong together: another substrate, another architecture, a stale session.
class MismatchError : public Error {
 public:
  using Error::Error;
};

/// Loss or gradients that are not finite.
class NumericError : public Error {
 public:
  using Error::Error;
};

/// A file that cannot be read or written, or whose content is wrong: "path: offset N: reason".
class FileError : public Error {
 public:
  /// The file as a whole: it is missing, cannot be opened, the disk is full.
  FileError(std::string path, std::string_view reason)
      : Error(path + ": " + std::string(reason)), path_(std::move(path)) {}

  /// The byte at `offset` is where the content stops making sense.
  FileError(std::string path, std::uint64_t offset, std::string_view reason)
      : Error(path + ": offset " + std::to_string(offset) + ": " + std::string(reason)),
        path_(std::move(path)),
        offset_(offset) {}

  [[nodiscard]] std::string const& path() const { return path_; }
  [[nodiscard]] std::uint64_t offset() const { return offset_; }

 private:
  std::string path_;
  std::uint64_t offset_ = 0;
};

/// The parts of a message, written one after the other as by operator<<.
template <class... Parts>
[[nodiscard]] std::string message(Parts const&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

ACCRETE_END_NAMESPACE
