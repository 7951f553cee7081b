#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <accrete/io/file.hpp>
#include <accrete/text/tokenizer.hpp>

using namespace accrete;

BOOST_AUTO_TEST_SUITE(tokenizer_memory)

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool memory_tells = false;  // a sanitizer takes memory of its own
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool memory_tells = false;
#else
constexpr bool memory_tells = true;
#endif
#else
constexpr bool memory_tells = true;
#endif

/// The most memory that this process has had, in bytes.
std::size_t peak_memory() {
  std::string const status = read_file("/proc/self/status", 1 << 20);
  std::size_t const place = status.find("VmHWM:");
  return std::stoull(status.substr(place + 6)) * 1024;
}

/// What work() adds to the memory of a process of its own.
std::size_t memory_of(std::function<void()> const& work) {
  int ends[2];
  BOOST_TEST_REQUIRE(pipe(ends) == 0);
  pid_t const child = fork();
  if (child == 0) {
    std::size_t const before = peak_memory();
    work();
    std::size_t const taken = peak_memory() - before;
    _exit(write(ends[1], &taken, sizeof taken) == sizeof taken ? 0 : 1);
  }
  close(ends[1]);
  std::size_t taken = 0;
  BOOST_TEST_REQUIRE(read(ends[0], &taken, sizeof taken) == static_cast<ssize_t>(sizeof taken));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  BOOST_TEST_REQUIRE(status == 0);
  return taken;
}

/// "a", "aa", "aaaa", ... and their merges; words of the letters b to e.
Vocabulary sample() {
  std::vector<Token> tokens = {{"a"}};
  std::vector<TokenPair> merges;
  for (std::size_t length = 2; length <= 1024; length *= 2) {
    auto const half = static_cast<TokenId>(tokens.size() - 1);
    tokens.push_back({std::string(length, 'a')});
    merges.push_back({half, half});
  }
  auto const first = static_cast<TokenId>(tokens.size());
  for (std::string const spelling : {"b", "c", "d", " ", "bc", "cd", "bcd"})
    tokens.push_back({spelling});
  for (TokenPair const pair : {TokenPair{0, 1}, {1, 2}, {4, 2}})
    merges.push_back({first + pair.left, first + pair.right});
  return Vocabulary(tokens, merges);
}

}  // namespace

BOOST_AUTO_TEST_CASE(text_that_cannot_be_cut_takes_32_bytes_a_code_point) {
  if (!memory_tells) return;
  Tokenizer const tokenizer(sample());
  std::size_t const length = (std::size_t{1} << 21) + 1;  // where arrays have just grown
  std::string const text(length, 'a');
  std::size_t const taken = memory_of([&] { (void)tokenizer.encode(text); });
  BOOST_TEST(taken <= 32 * length);
}

BOOST_AUTO_TEST_CASE(a_long_text_takes_four_times_its_size_and_16_mib) {
  if (!memory_tells) return;
  Tokenizer const tokenizer(sample());
  std::mt19937 random(1);
  std::string text;
  while (text.size() < 24 << 20) {
    char const letters[] = "bcd ";
    text += letters[random() % 4];
  }
  std::size_t const taken = memory_of([&] { (void)tokenizer.encode(text); });
  BOOST_TEST(taken <= 4 * text.size() + (std::size_t{16} << 20));
}

BOOST_AUTO_TEST_SUITE_END()
