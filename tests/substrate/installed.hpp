/// Lets a test be skipped, with a message, where files of the system are missing.
#pragma once

#include <filesystem>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

namespace accrete_test {

inline std::filesystem::path const unifont = "/usr/share/fonts/opentype/unifont/unifont.otf";
inline std::filesystem::path const unifont_hex = "/usr/share/unifont/unifont.hex";
inline std::filesystem::path const unifont_marks = "/usr/share/unifont/plane00-combining.txt";

struct Installed {
  std::vector<std::filesystem::path> paths;

  boost::test_tools::assertion_result operator()(boost::unit_test::test_unit_id) const {
    for (std::filesystem::path const& path : paths) {
      if (std::filesystem::exists(path)) continue;
      boost::test_tools::assertion_result missing(false);
      missing.message() << path << " is not installed";
      return missing;
    }
    return true;
  }
};

/// BOOST_AUTO_TEST_CASE(name, *needs({unifont})) { ... }
[[nodiscard]] inline auto needs(std::vector<std::filesystem::path> paths) {
  return boost::unit_test::precondition(Installed{std::move(paths)});
}

}  // namespace accrete_test
