/// What writer and reader of checkpoints share.
#pragma once

#include <string>
#include <string_view>

#include <accrete/nn/segment.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The version of the file's layout, apart from the library's. A newer one is refused by name; version 1 had no hashes.
inline constexpr Index checkpoint_format_version = 2;

namespace detail {
[[nodiscard]] inline std::string joined_name(std::string_view kind, std::string_view prefix,
                                             std::string_view name) {
  std::string joined;
  joined.reserve(kind.size() + prefix.size() + name.size());
  joined.append(kind).append(prefix).append(name);
  return joined;
}

/// Calls f(prefix, segment, entry) for every parameter of the model, whose full name is prefix + entry.name.
template <class Model, class F>
void for_each_model_entry(Model& model, F&& f) {
  model.for_each_segment([&](std::string const& prefix, auto& segment) {
    for (auto const& entry : segment.entries()) f(prefix, segment, entry);
  });
}

template <class Run>
[[nodiscard]] Run run_of(Run run, SegmentEntry const& entry) {
  return run.slice(entry.offset, entry.offset + entry.count);
}
}  // namespace detail

ACCRETE_END_NAMESPACE
