#include <cstdlib>
#include <new>

#include <boost/test/unit_test.hpp>

#include "support/allocations.hpp"
#include "support/models.hpp"

// Counts every allocation of this program. (g++ sees through `new` to aligned_alloc, and takes free for a mistake.)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace {
using accrete_test::Allocations;

void* counted(std::size_t size, std::size_t alignment) {
  if (!Allocations::next()) return nullptr;
  std::size_t const whole = (size + alignment - 1) / alignment * alignment;
  return std::aligned_alloc(alignment, whole);
}

void* counted_or_thrown(std::size_t size, std::size_t alignment) {
  if (void* const memory = counted(size, alignment)) return memory;
  throw std::bad_alloc();
}

void release(void* memory) {
  if (memory != nullptr) --Allocations::alive;
  std::free(memory);
}
}  // namespace

// All forms of new and delete that are called: a sanitizer would keep its own of those left out.
void* operator new(std::size_t size) {
  return counted_or_thrown(size, alignof(std::max_align_t));
}
void* operator new[](std::size_t size) {
  return counted_or_thrown(size, alignof(std::max_align_t));
}
void* operator new(std::size_t size, std::nothrow_t const&) noexcept {
  return counted(size, alignof(std::max_align_t));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted_or_thrown(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, std::align_val_t alignment, std::nothrow_t const&) noexcept {
  return counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  release(memory);
}
void operator delete[](void* memory) noexcept {
  release(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  release(memory);
}
void operator delete(void* memory, std::nothrow_t const&) noexcept {
  release(memory);
}
void operator delete(void* memory, std::align_val_t, std::nothrow_t const&) noexcept {
  release(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  release(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  release(memory);
}

using namespace accrete;
using namespace accrete_test;

namespace {

constexpr Index vocabulary = 301;

struct SameBatch {
  std::vector<TokenId> tokens = random_tokens(2 * 33, vocabulary, 1);
  [[nodiscard]] Index batch() const { return 2; }
  [[nodiscard]] Index time() const { return 33; }
  void next(std::span<TokenId> inputs, std::span<TokenId> targets) {
    std::copy(tokens.begin(), tokens.end(), inputs.begin());
    std::copy(tokens.begin(), tokens.end(), targets.begin());
  }
  [[nodiscard]] Json state() const { return Json(); }
  void restore(Json const&) {}
};

long allocations_of(auto&& f) {
  long const before = Allocations::made;
  f();
  return Allocations::made - before;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(allocation)

BOOST_AUTO_TEST_CASE(steps_allocate_nothing_after_the_first_ones) {
  for (int const threads : {1, 2}) {
    CpuBackend const cpu(threads);
    GrowingModel<CpuBackend> model{
        cpu,
        random_substrate(vocabulary, 24),
        {.planned_depth = 3, .block = {.model_dim = 48, .head_count = 4, .hidden_dim = 96}}};
    model.body().grow(1);
    model.body().grow(2);
    SameBatch batches;
    Trainer trainer{model, AdamW{}, {.accumulation = 2}};
    long const first = allocations_of([&] { trainer.step(batches); });
    BOOST_TEST(first > 0);
    // Each thread keeps what a kernel needed once; a worker may take its first task of a kind late.
    int quiet = 0, steps = 0;
    for (int const limit = threads == 1 ? 7 : 500; quiet < 5 && steps < limit; ++steps)
      quiet = allocations_of([&] { trainer.step(batches); }) == 0 ? quiet + 1 : 0;
    BOOST_TEST(quiet == 5);
  }
}

BOOST_AUTO_TEST_CASE(steps_of_ensembles_allocate_nothing_after_the_first_ones) {
  auto const check = [](auto const& fusion) {
    auto const expert = [](std::uint64_t seed) {
      CpuModel model{CpuBackend(1),
                     random_substrate(vocabulary, 24),
                     {.seed = seed, .block = {.model_dim = 48, .head_count = 4, .hidden_dim = 96}}};
      model.body().grow(1);
      return model;
    };
    Ensemble model{fusion, expert(1), expert(2)};
    SameBatch batches;
    Trainer trainer{model, AdamW{}, {}};
    trainer.step(batches);
    BOOST_TEST(allocations_of([&] { trainer.step(batches); }) == 0);
  };
  check(MeanOfLogits{});
  check(LearnedGate{});
  check(LogitAdapter{.rank = 4});
}

BOOST_AUTO_TEST_CASE(a_forward_pass_allocates_nothing_after_the_first) {
  CpuBackend const cpu(1);
  GrowingModel<CpuBackend> model{
      cpu,
      random_substrate(vocabulary, 24),
      {.planned_depth = 2, .block = {.model_dim = 48, .head_count = 4, .hidden_dim = 96}}};
  model.body().grow(2);
  auto const ids = random_tokens(2 * 33, vocabulary, 2);
  GrowingModel<CpuBackend>::Session session(model, {.batch = 2, .time = 33});
  model.forward(session, {ids.data(), {2, 33}});
  BOOST_TEST(allocations_of([&] { model.forward(session, {ids.data(), {2, 33}}); }) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
