#include <accrete/io/atomic_file.hpp>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>

#include <support/error_text.hpp>
#include <support/failing_file_calls.hpp>
#include <support/scratch_folder.hpp>

BOOST_AUTO_TEST_SUITE(atomic_file)

namespace {

using accrete::AtomicFile;
using accrete::FileError;
using accrete::read_file;
using accrete::write_file_atomically;
using accrete_test::FailingFileCalls;
using accrete_test::FileFault;
using accrete_test::says;
using accrete_test::ScratchFolder;

constexpr std::uint64_t megabyte = 1 << 20;

// Longer than the buffer, in pieces of every kind.
void write_in_pieces(AtomicFile& file, std::string const& content) {
  std::string_view rest = content;
  for (std::size_t size = 1; !rest.empty(); size *= 3) {
    file.write(rest.substr(0, size));
    rest.remove_prefix(std::min(size, rest.size()));
  }
}

std::string long_content() {
  std::string content(900'000, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * i >> 8);
  return content;
}

}  // namespace

BOOST_AUTO_TEST_CASE(content_appears_with_the_commit) {
  ScratchFolder const folder;
  std::string const content = long_content();
  AtomicFile file(folder / "target");
  write_in_pieces(file, content);
  BOOST_TEST(!std::filesystem::exists(folder / "target"));
  BOOST_TEST(folder.names().size() == 1U);
  file.commit();
  BOOST_TEST(folder.names() == std::set<std::string>{"target"});
  BOOST_TEST((read_file(folder / "target", megabyte) == content));
}

BOOST_AUTO_TEST_CASE(an_older_file_is_replaced_in_one_step) {
  ScratchFolder const folder;
  write_file_atomically(folder / "target", "old");
  {
    AtomicFile file(folder / "target");
    file.write("new");
    BOOST_TEST(read_file(folder / "target", megabyte) == "old");
  }
  BOOST_TEST(read_file(folder / "target", megabyte) == "old");
  BOOST_TEST(folder.names() == std::set<std::string>{"target"});
  write_file_atomically(folder / "target", "new");
  BOOST_TEST(read_file(folder / "target", megabyte) == "new");
  write_file_atomically(folder / "target", "");
  BOOST_TEST(read_file(folder / "target", megabyte) == "");
}

BOOST_AUTO_TEST_CASE(several_writers_of_one_target_do_not_mix) {
  ScratchFolder const folder;
  AtomicFile a(folder / "target");
  AtomicFile b(folder / "target");
  a.write("from a");
  b.write("from b");
  b.commit();
  a.commit();
  BOOST_TEST(read_file(folder / "target", megabyte) == "from a");
  BOOST_TEST(folder.names() == std::set<std::string>{"target"});
}

BOOST_AUTO_TEST_CASE(bytes_can_be_overwritten_until_the_commit) {
  ScratchFolder const folder;
  std::string expected(700'000, 'x');
  AtomicFile file(folder / "target");
  file.write("0123456789");
  file.overwrite(3, std::as_bytes(std::span("abc", 3)));  // in the buffer
  file.write(std::string_view(expected).substr(10));
  file.overwrite(8, std::as_bytes(std::span("de", 2)));  // in the file
  file.overwrite(699'999, std::as_bytes(std::span("f", 1)));
  BOOST_CHECK_EXCEPTION(file.overwrite(699'999, std::as_bytes(std::span("gh", 2))), FileError,
                        says("nothing was written there yet"));
  file.commit();
  expected.replace(0, 10, "012abc67de").back() = 'f';
  BOOST_TEST((read_file(folder / "target", megabyte) == expected));
}

BOOST_AUTO_TEST_CASE(files_of_dead_processes_are_removed_and_those_of_the_living_stay) {
  ScratchFolder const folder;
  pid_t const dead = ::fork();
  BOOST_REQUIRE(dead >= 0);
  if (dead == 0) ::_exit(0);
  BOOST_REQUIRE(::waitpid(dead, nullptr, 0) == dead);
  std::string const stale = ".accrete-" + std::to_string(dead) + "-0.tmp";
  std::string const mine = ".accrete-" + std::to_string(::getpid()) + "-900.tmp";
  std::set<std::string> others{mine, ".accrete-x-0.tmp", ".accrete-1.tmp", ".accrete--1-0.tmp",
                               "a.tmp"};
  for (auto const& name : others) std::ofstream(folder / name) << "x";
  std::ofstream(folder / stale) << "x";
  AtomicFile(folder / "target").commit();
  auto names = others;
  names.insert("target");
  BOOST_TEST(folder.names() == names);

  // A process that cannot be seen from here holds its lock.
  std::ofstream(folder / stale) << "x";
  {
    accrete::File held = accrete::File::open_for_writing(folder / stale);
    BOOST_TEST(held.try_lock());
    AtomicFile(folder / "target").commit();
    BOOST_TEST(std::filesystem::exists(folder / stale));
  }
  AtomicFile(folder / "target").commit();
  BOOST_TEST(!std::filesystem::exists(folder / stale));
}

BOOST_AUTO_TEST_CASE(a_name_without_a_folder_stands_in_the_current_one) {
  ScratchFolder const folder;
  std::filesystem::path const before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  BOOST_CHECK_NO_THROW(write_file_atomically("target", "x"));
  std::filesystem::current_path(before);
  BOOST_TEST(read_file(folder / "target", megabyte) == "x");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_a_file_is_refused_at_once) {
  ScratchFolder const folder;
  BOOST_CHECK_EXCEPTION(AtomicFile(folder.path()), FileError, says("names a folder"));
  BOOST_CHECK_EXCEPTION(AtomicFile(folder.path() / ""), FileError, says("names a folder"));
  BOOST_CHECK_THROW(AtomicFile(""), FileError);
  BOOST_CHECK_EXCEPTION(AtomicFile(folder.path() / "none" / "target"), FileError,
                        says("none/target: cannot create: No such file or directory"));
  BOOST_TEST(folder.names().empty());
}

BOOST_AUTO_TEST_CASE(nothing_can_follow_a_commit) {
  ScratchFolder const folder;
  AtomicFile file(folder / "target");
  file.commit();
  BOOST_CHECK_EXCEPTION(file.write("x"), FileError, says("already committed"));
  BOOST_CHECK_EXCEPTION(file.commit(), FileError, says("already committed"));
}

// Each system call of a replacement fails once. Whatever fails, a reader finds the old or the new content whole, an
// error is thrown unless the new content is there, and only a failing unlink can leave a temporary file.
BOOST_AUTO_TEST_CASE(any_failing_call_leaves_the_old_or_the_new_content) {
  ScratchFolder const folder;
  std::string const content = long_content();
  for (FileFault const fault :
       {FileFault::no_space, FileFault::io_error, FileFault::interrupted, FileFault::short_call}) {
    int failures = 0;
    int call = -1;
    bool reached = true;
    while (reached) {
      ++call;
      std::ofstream(folder / "target") << "old";
      bool failed = false;
      {
        FailingFileCalls const failing(call, fault);
        try {
          AtomicFile file(folder / "target");
          write_in_pieces(file, content);
          file.commit();
        } catch (FileError const& error) {
          failed = true;
          ++failures;
          BOOST_TEST(error.path().starts_with(folder.path().string()));
          BOOST_TEST(says(fault == FileFault::no_space ? "No space left on device"
                                                       : "Input/output error")(error));
        }
        reached = call < FailingFileCalls::calls();
      }
      std::string const found = read_file(folder / "target", megabyte);
      BOOST_TEST((found == content || (failed && found == "old")));
      BOOST_TEST(folder.names() == std::set<std::string>{"target"});
    }
    bool const is_error = fault == FileFault::no_space || fault == FileFault::io_error;
    BOOST_TEST(call > 8);
    // Locking the temporary file and closing the folder may fail without harm.
    BOOST_TEST(failures == (is_error ? call - 2 : 0));
  }
}

BOOST_AUTO_TEST_CASE(after_a_failed_write_there_is_no_commit) {
  ScratchFolder const folder;
  AtomicFile file(folder / "target");
  {
    FailingFileCalls const failing(0, FileFault::no_space);
    BOOST_CHECK_EXCEPTION(file.write(std::string(megabyte, 'x')), FileError,
                          says("target: cannot write at offset 0: No space left on device"));
  }
  BOOST_TEST(folder.names().empty());
  BOOST_CHECK_THROW(file.write("x"), FileError);
  BOOST_CHECK_THROW(file.commit(), FileError);
  BOOST_TEST(folder.names().empty());
}

// The system's own limit on the size of files, in a process of its own.
BOOST_AUTO_TEST_CASE(a_real_limit_on_size_is_an_error_with_its_reason) {
  ScratchFolder const folder;
  pid_t const child = ::fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit const limit{100'000, 100'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    int result = 1;
    try {
      write_file_atomically(folder / "target", long_content());
    } catch (FileError const& error) {
      result =
          std::string_view(error.what()).find("File too large") != std::string_view::npos ? 0 : 2;
    }
    ::_exit(result);
  }
  int status = -1;
  BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
  BOOST_TEST(status == 0);
  BOOST_TEST(folder.names().empty());
}

BOOST_AUTO_TEST_SUITE_END()
