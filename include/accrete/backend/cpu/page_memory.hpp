/// Large blocks of zeroed memory on huge pages where the system has them.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// `bytes` > 0 zeroed bytes on a page boundary of their own, released with the last handle. The
/// system hands out pages as they are first touched.
///
/// Huge pages, because the rows of one head stand thousands of bytes apart: on small pages each is
/// looked up anew, and attention's backward pass waits for that a sixth of its time.
[[nodiscard]] inline std::shared_ptr<std::byte[]> allocate_pages(Index bytes) {
  constexpr std::size_t huge_page = std::size_t{2} << 20;
  auto const size = static_cast<std::size_t>(bytes) + huge_page;
  void* const mapping =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED)
    throw Error(
        message("out of memory: ", bytes, " bytes were asked for; use a smaller batch or model"));
  auto const address = reinterpret_cast<std::uintptr_t>(mapping);
  std::size_t const offset = (huge_page - address % huge_page) % huge_page;
  auto* const begin = static_cast<std::byte*>(mapping) + offset;
#ifdef MADV_HUGEPAGE
  madvise(begin, static_cast<std::size_t>(bytes), MADV_HUGEPAGE);  // a wish: no harm if refused
#endif
  return {begin, [mapping, size](std::byte*) { munmap(mapping, size); }};
}

}  // namespace detail
ACCRETE_END_NAMESPACE
