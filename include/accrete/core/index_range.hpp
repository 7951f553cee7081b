/// A contiguous range of indices, and a range cut into such.
#pragma once

#include <algorithm>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The indices begin, begin + 1, ..., end - 1.
struct IndexRange {
  Index begin{};
  Index end{};
  [[nodiscard]] constexpr Index size() const { return end - begin; }
};

/// Part `part` of [0, size) cut into `parts` contiguous ranges whose lengths differ by at most one
/// granule. Each range begins at a multiple of `granule`; ranges are empty where there are more
/// parts than granules.
[[nodiscard]] constexpr IndexRange split_range(Index size, Index parts, Index part,
                                               Index granule = 1) {
  Index const granules = (size + granule - 1) / granule;
  Index const each = granules / parts;
  Index const longer = granules % parts;  // the first `longer` parts have one granule more
  Index const begin = part * each + std::min(part, longer);
  Index const end = begin + each + (part < longer ? 1 : 0);
  return {std::min(begin * granule, size), std::min(end * granule, size)};
}

ACCRETE_END_NAMESPACE
