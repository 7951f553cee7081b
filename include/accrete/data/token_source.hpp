/// Where batches take their tokens from: a run of tokens that can be read at any place.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

class TokenSource {
 public:
  TokenSource() = default;
  TokenSource(TokenSource const&) = delete;
  TokenSource& operator=(TokenSource const&) = delete;
  virtual ~TokenSource() = default;

  /// The number of tokens.
  [[nodiscard]] virtual Index size() const = 0;

  /// Fills `out` with the tokens from `begin` on. ValueError if they are not all there. Any number
  /// of threads may read.
  void read(Index begin, std::span<TokenId> out) const {
    if (begin < 0 || begin > size() || std::cmp_greater(out.size(), size() - begin)) {
      throw ValueError(message("token source: expected tokens among ", size(), ", got ", out.size(),
                               " from ", begin, " on"));
    }
    read_checked(begin, out);
  }

 private:
  virtual void read_checked(Index begin, std::span<TokenId> out) const = 0;
};

/// Tokens in memory.
class TokenVector final : public TokenSource {
 public:
  explicit TokenVector(std::vector<TokenId> tokens) : tokens_(std::move(tokens)) {}

  [[nodiscard]] Index size() const override { return static_cast<Index>(tokens_.size()); }

 private:
  void read_checked(Index begin, std::span<TokenId> out) const override {
    std::copy_n(tokens_.begin() + begin, out.size(), out.begin());
  }

  std::vector<TokenId> tokens_;
};

ACCRETE_END_NAMESPACE
