/// The optimizer's moments on their way from one training to the next.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <accrete/core/name_table.hpp>
#include <accrete/train/active_set.hpp>

ACCRETE_BEGIN_NAMESPACE

/// What becomes of the moments where a new training begins:
///
///   fresh   all begin at zero
///   kept    parameters that go on training, such as the head's, keep theirs; all others begin at zero
///   copied  as kept, and copies of blocks that trained until now take those of their originals
enum class MomentsPolicy { fresh, kept, copied };

inline constexpr NameTable<MomentsPolicy, 3> moments_policy_names{
    {{{MomentsPolicy::fresh, "fresh"},
      {MomentsPolicy::kept, "kept"},
      {MomentsPolicy::copied, "copied"}}}};

/// Moments by the names of their parameters, with the steps that they have seen: AdamW corrects their bias by these.
template <ComputeBackend Backend>
class Moments {
 public:
  /// Takes those of the parameters for which keep(name) holds, after `steps_done` steps.
  template <class Keep>
  Moments(ActiveSet<Backend> const& active, Index steps_done, Keep&& keep);

  /// Gives each parameter the moments of origin(name), where that has any.
  template <class Origin>
  void give_to(ActiveSet<Backend>& active, Origin&& origin) const;

 private:
  using T = TypeOf<Backend, Master>;
  struct Entry {
    std::vector<T> first, second;
    Index steps = 0;
  };
  /// Calls f(name, active segment, number of the entry) for every parameter.
  template <class Set, class F>
  static void for_each_entry(Set& active, F&& f) {
    for (auto& part : active.segments())
      for (std::size_t i = 0; i < part.steps_before.size(); ++i)
        if (auto const& entry = part.segment->entries()[i]; entry.trains)
          f(part.prefix + entry.name, part, i);
  }
  static auto run_of(auto const& part, View<Backend, Master, 1> moments, std::size_t i) {
    auto const& entry = part.segment->entries()[i];
    return moments.slice(entry.offset, entry.offset + entry.count);
  }
  static std::vector<T> values_of(auto const& part, View<Backend, Master, 1> moments,
                                  std::size_t i) {
    auto const values = host_copy(part.segment->backend(), run_of(part, moments, i));
    return {values.begin(), values.end()};
  }

  std::map<std::string, Entry> entries_;
};

template <ComputeBackend Backend>
template <class Keep>
Moments<Backend>::Moments(ActiveSet<Backend> const& active, Index steps_done, Keep&& keep) {
  for_each_entry(active, [&](std::string const& name, auto const& part, std::size_t i) {
    if (!keep(name)) return;
    entries_[name] = {.first = values_of(part, part.first_moment, i),
                      .second = values_of(part, part.second_moment, i),
                      .steps = part.steps_before[i] + steps_done};
  });
}

template <ComputeBackend Backend>
template <class Origin>
void Moments<Backend>::give_to(ActiveSet<Backend>& active, Origin&& origin) const {
  for_each_entry(active, [&](std::string const& name, auto& part, std::size_t i) {
    auto const found = entries_.find(origin(name));
    if (found == entries_.end()) return;
    Entry const& entry = found->second;
    if (part.segment->entries()[i].count != static_cast<Index>(entry.first.size())) return;
    auto const give = [&](View<Backend, Master, 1> moments, std::vector<T> const& values) {
      fill_from_host(part.segment->backend(), run_of(part, moments, i),
                     [&](std::span<T> to) { std::copy(values.begin(), values.end(), to.begin()); });
    };
    give(part.first_moment, entry.first);
    give(part.second_moment, entry.second);
    part.steps_before[i] = entry.steps;
  });
}

ACCRETE_END_NAMESPACE
