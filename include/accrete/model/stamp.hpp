/// How a session recognises the model it was made for.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include <accrete/core/index.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A model's number, and how often its structure has changed (growth, freezing).
struct ModelStamp {
  std::uint64_t model = 0;
  Index revision = 0;
  friend bool operator==(ModelStamp const&, ModelStamp const&) = default;
};

/// A number that no other model of the process has; it moves with the model and leaves 0 behind.
class ModelNumber {
 public:
  ModelNumber() : value_(next()) {}
  ModelNumber(ModelNumber&& other) noexcept : value_(std::exchange(other.value_, 0)) {}
  ModelNumber& operator=(ModelNumber&& other) noexcept {
    value_ = std::exchange(other.value_, 0);
    return *this;
  }
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  static std::uint64_t next() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
  }
  std::uint64_t value_;
};

ACCRETE_END_NAMESPACE
