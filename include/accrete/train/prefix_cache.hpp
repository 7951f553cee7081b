/// Training on a frozen prefix whose output is computed once and kept while the data repeat.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <accrete/io/json.hpp>
#include <accrete/io/sha256.hpp>
#include <accrete/memory/transfer.hpp>
#include <accrete/model/session.hpp>
#include <accrete/nn/parameter.hpp>
#include <accrete/train/prefix_rows.hpp>
#include <accrete/train/prefix_rows_file.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A model whose lowest blocks depend on ids alone while a trainer lasts (see Decoder::prefix_depth).
template <class M>
concept HasFrozenPrefix = requires(M const& model, typename M::Session& session,
                                   HostView<TokenId const, 2> ids, Index size) {
  { model.prefix_depth() } -> std::convertible_to<Index>;
  {
    model.forward_prefix(session, ids)
    } -> std::same_as<View<typename M::Backend, Element const, 3>>;
  { model.prefix_in(session, size, size) } -> std::same_as<View<typename M::Backend, Element, 3>>;
  model.forward_from_prefix(session);
};

struct PrefixCacheOptions {
  Index byte_limit = Index{1} << 30;
  std::filesystem::path folder{};  ///< rows go to a file in it; empty means memory
};

/// Names what the output of a frozen prefix depends on besides ids: substrate, architecture, frozen weights, engine.
/// 64 hex digits.
template <HasFrozenPrefix Model>
[[nodiscard]] std::string prefix_key(Model& model) {
  Sha256 hash;
  hash.update(message(model.substrate().fingerprint(), model.describe().dump(),
                      model.prefix_depth(), model.backend().description()));
  Json const structure = model.structure();
  for (char const* const key : {"order", "adapters"})
    if (Json const* const part = structure.find(key)) hash.update(key + part->dump());
  model.for_each_segment([&](std::string const& prefix, auto const& segment) {
    if (segment.trainable()) return;
    hash.update(prefix + segment.name());
    auto const values = host_copy(model.backend(), segment.values());
    hash.update(std::as_bytes(std::span(values)));
  });
  return to_hex(hash.digest());
}

/// How often weights that a frozen prefix may depend on were filled anew, as from a checkpoint.
template <HasFrozenPrefix Model>
[[nodiscard]] Index fills_of_frozen_weights(Model& model) {
  Index fills = 0;
  model.for_each_segment([&](std::string const&, auto const& segment) {
    if (!segment.trainable()) fills += segment.fills();
  });
  return fills;
}

/// `forward` of a model that trains above a frozen prefix. Each sequence of tokens goes through the prefix once; after
/// that, its row (T,C) is read. Where a row has the same bits alone as in any batch, as on the CPU, so have the losses.
///
/// A cache is made for a model as it stands: trainers make their own, anew after every growth and where frozen weights
/// have come from a checkpoint. A file that fails on the way ends the cache, not the training: rows are computed again.
template <HasFrozenPrefix Model>
class PrefixCache {
 public:
  using Backend = typename Model::Backend;
  using T = TypeOf<Backend, Element>;

  /// For batches (B,T). Throws ValueError where the model has no frozen prefix or the limit is below 0.
  PrefixCache(Model& model, PrefixCacheOptions const& options, Index batch, Index time)
      : time_(time),
        fills_(fills_of_frozen_weights(model)),
        session_(check(model, options), {.batch = batch, .time = time}),
        row_(static_cast<std::size_t>(model.prefix_in(session_, 1, time).count())),
        missing_ids_(static_cast<std::size_t>(batch * time)) {
    auto const row_bytes = static_cast<Index>(row_ * sizeof(T));
    if (options.folder.empty())
      rows_ = std::make_unique<PrefixRowsInMemory>(time, row_bytes, options.byte_limit,
                                                   pinned_memory(model.backend()));
    else
      rows_ = std::make_unique<PrefixRowsInFile>(options.folder, prefix_key(model).substr(0, 16),
                                                 time, row_bytes, options.byte_limit);
  }

  /// Does what model.forward(session, ids) does.
  void forward(Model const& model, typename Model::Session& session,
               HostView<TokenId const, 2> ids) {  // (B,T)
    Index const batch = ids.size(0);
    auto const prefix = model.prefix_in(session, batch, ids.size(1));
    missing_.clear();
    for (Index b = 0; b < batch; ++b)
      if (!find(model.backend(), tokens_of(ids, b), row_of(prefix, b))) missing_.push_back(b);
    if (!missing_.empty()) compute_missing(model, ids, prefix);
    asked_ += batch;
    found_ += batch - static_cast<Index>(missing_.size());
    model.forward_from_prefix(session);
  }

  /// Whether the frozen weights are still those that it was made for.
  [[nodiscard]] bool is_current(Model& model) const {
    return fills_ == fills_of_frozen_weights(model);
  }
  /// Says once that the file has failed, and why; empty while all is well.
  [[nodiscard]] std::string take_warning() { return std::exchange(warning_, {}); }

  /// Of all sequences asked for, the share that was found.
  [[nodiscard]] double hit_rate() const {
    return asked_ == 0 ? 0.0 : static_cast<double>(found_) / static_cast<double>(asked_);
  }

 private:
  /// Where a device copies rows, it copies them faster from and to memory of its own choice.
  [[nodiscard]] static PrefixRowsInMemory::Allocate pinned_memory(Backend const& backend) {
    if constexpr (PinsHostMemory<Backend>)
      return [backend](Index bytes) { return backend.allocate_pinned(bytes); };
    else
      return {};
  }
  static Model& check(Model& model, PrefixCacheOptions const& options) {
    if (model.prefix_depth() == 0)
      throw ValueError(
          "prefix cache: no frozen blocks lie below all that trains; there is nothing to keep");
    if (options.byte_limit < 0)
      throw ValueError(message("prefix cache: the limit is ", options.byte_limit, " bytes"));
    return model;
  }
  [[nodiscard]] static std::span<TokenId const> tokens_of(HostView<TokenId const, 2> ids, Index b) {
    return {ids.data() + b * ids.size(1), static_cast<std::size_t>(ids.size(1))};
  }
  template <class U>
  [[nodiscard]] auto row_of(TensorView<U, 3, typename Backend::Space> rows, Index b) const {
    Index const count = static_cast<Index>(row_);
    return TensorView<U, 1, typename Backend::Space>(rows.data() + b * count, {count});
  }
  /// What f returns; false where the file fails, which ends the cache.
  bool or_end(auto&& f) try { return rows_ != nullptr && f(); } catch (FileError const& error) {
    warning_ = message("the prefix cache is off from here on: ", error.what());
    rows_.reset();
    return false;
  }
  /// Reads the row of `tokens` into `row`, if it is there.
  bool find(Backend const& backend, std::span<TokenId const> tokens,
            View<Backend, Element, 1> row) {
    if constexpr (HostBackend<Backend>) {
      return or_end([&] { return rows_->find(tokens, std::as_writable_bytes(row.span())); });
    } else {
      Index const bytes = row.count() * static_cast<Index>(sizeof(T));
      if (std::byte const* const kept = rows_ ? rows_->place_of(tokens) : nullptr) {
        backend.copy_to_device(row.data(), kept, bytes);
        return true;
      }
      host_row_.resize(row_);
      if (!or_end(
              [&] { return rows_->find(tokens, std::as_writable_bytes(std::span(host_row_))); }))
        return false;
      backend.copy_to_device(row.data(), host_row_.data(), bytes);
      return true;
    }
  }
  void compute_missing(Model const& model, HostView<TokenId const, 2> ids,
                       View<Backend, Element, 3> prefix) {
    for (std::size_t i = 0; i < missing_.size(); ++i)
      std::ranges::copy(tokens_of(ids, missing_[i]),
                        missing_ids_.begin() + static_cast<std::ptrdiff_t>(i) * time_);
    auto const computed = model.forward_prefix(
        session_, {missing_ids_.data(), {static_cast<Index>(missing_.size()), time_}});
    for (std::size_t i = 0; i < missing_.size(); ++i) {
      if (keep_on_the_way(model.backend(), tokens_of(ids, missing_[i]),
                          row_of(computed, static_cast<Index>(i)), row_of(prefix, missing_[i])))
        continue;
      auto const row = host_copy(model.backend(), row_of(computed, static_cast<Index>(i)));
      fill_from_host(model.backend(), row_of(prefix, missing_[i]),
                     [&](auto to) { std::ranges::copy(row, to.begin()); });
      or_end([&] {
        rows_->insert(tokens_of(ids, missing_[i]), std::as_bytes(std::span(row)));
        return true;
      });
    }
  }

  /// Copies a row from a device right to where it stays, and from there to `to`; false where it cannot.
  bool keep_on_the_way(Backend const& backend, std::span<TokenId const> tokens,
                       View<Backend, Element const, 1> row, View<Backend, Element, 1> to) {
    if constexpr (HostBackend<Backend>) {
      return false;
    } else {
      std::byte* const place = rows_ ? rows_->room() : nullptr;
      if (place == nullptr) return false;
      Index const bytes = row.count() * static_cast<Index>(sizeof(T));
      backend.copy_to_host(place, row.data(), bytes);
      rows_->keep(tokens);
      backend.copy_to_device(to.data(), place, bytes);
      return true;
    }
  }

  Index time_, fills_;
  typename Model::Session session_;
  std::size_t row_;                   // values: T C
  std::unique_ptr<PrefixRows> rows_;  // null after a failure
  std::string warning_;
  std::vector<Index> missing_;        // rows of the batch
  std::vector<TokenId> missing_ids_;  // (B,T)
  std::vector<T> host_row_;           // of a device
  Index asked_ = 0, found_ = 0;
};

ACCRETE_END_NAMESPACE
