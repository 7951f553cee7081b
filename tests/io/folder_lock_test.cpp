#include <accrete/io/folder_lock.hpp>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <fstream>
#include <new>
#include <optional>
#include <set>
#include <string>

#include <boost/test/unit_test.hpp>

#include <support/error_text.hpp>
#include <support/scratch_folder.hpp>

BOOST_AUTO_TEST_SUITE(folder_lock)

namespace {

using accrete::FileError;
using accrete::FolderLock;
using accrete_test::says;
using accrete_test::ScratchFolder;

/// Memory that children share.
template <class T>
T& shared() {
  static T* const memory =
      new (::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) T;
  return *memory;
}

/// Runs work() in a child process, which ends with what it returns.
template <class Work>
pid_t in_child(Work const& work) {
  pid_t const child = ::fork();
  if (child != 0) return child;
  int status = 99;
  try {
    status = work();
  } catch (...) {
  }
  ::_exit(status);
}

int status_of(pid_t child) {
  int status = 0;
  BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_held_folder_is_refused_with_the_holder_s_number) {
  ScratchFolder const folder;
  auto const run = folder / "run";
  std::string const holder = "process " + std::to_string(::getpid()) + " works in this folder";
  {
    FolderLock const lock(run);
    BOOST_CHECK_EXCEPTION(FolderLock{run}, FileError, says("run/accrete.lock", holder));
    pid_t const child = in_child([&] {
      try {
        FolderLock const second(run);
        return 1;
      } catch (FileError const& error) {
        return says(holder)(error) ? 0 : 2;
      }
    });
    BOOST_TEST(status_of(child) == 0);
  }
  BOOST_TEST(std::filesystem::is_empty(run));
  BOOST_CHECK_NO_THROW(FolderLock{run});
}

BOOST_AUTO_TEST_CASE(a_killed_holder_holds_nothing) {
  ScratchFolder const folder;
  pid_t const child = in_child([&] {
    FolderLock const lock(folder.path());
    std::raise(SIGKILL);
    return 0;
  });
  BOOST_TEST(status_of(child) == 1000 + SIGKILL);
  BOOST_TEST(folder.names() == std::set<std::string>{"accrete.lock"});
  BOOST_CHECK_NO_THROW(FolderLock{folder.path()});
  BOOST_TEST(folder.names().empty());
}

BOOST_AUTO_TEST_CASE(a_folder_that_cannot_be_locked_is_named) {
  ScratchFolder const folder;
  std::ofstream(folder / "file") << "x";
  BOOST_CHECK_EXCEPTION(FolderLock{folder / "file"}, FileError, says((folder / "file").string()));
}

// Processes start at once; each holds the folder until all have tried. One has it, all others name it.
BOOST_AUTO_TEST_CASE(of_processes_that_race_one_wins_and_the_others_name_it) {
  struct Race {
    std::atomic<int> ready = 0, done = 0, winners = 0;
    std::atomic<pid_t> winner = 0;
  };
  ScratchFolder const folder;
  constexpr int races = 100, processes = 3;
  for (int i = 0; i < races; ++i) {
    Race& race = shared<Race>();
    race.ready = race.done = race.winners = 0;
    race.winner = 0;
    std::array<pid_t, processes> children{};
    for (pid_t& child : children)
      child = in_child([&] {
        ++race.ready;
        while (race.ready < processes) ::usleep(10);
        std::string refusal;
        std::optional<FolderLock> lock;
        try {
          lock.emplace(folder.path());
          ++race.winners;
          race.winner = ::getpid();
        } catch (FileError const& error) {
          refusal = error.what();
        }
        ++race.done;
        while (race.done < processes) ::usleep(10);
        if (lock) return 0;
        return refusal.find("process " + std::to_string(race.winner) + " works") == refusal.npos
                   ? 1
                   : 0;
      });
    for (pid_t const child : children) BOOST_TEST(status_of(child) == 0);
    BOOST_TEST(race.winners == 1);
    BOOST_TEST(folder.names().empty());
  }
}

BOOST_AUTO_TEST_SUITE_END()
