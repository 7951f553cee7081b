#include <sys/wait.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <accrete/io/atomic_file.hpp>

#include "support/scratch_folder.hpp"

namespace fetch_demo_text {

namespace fs = std::filesystem;

/// A system with nothing but the tools that the script needs, where apt-get and dpkg-deb only pretend.
struct System : accrete_test::ScratchFolder {
  System() {
    fs::create_directories(path() / "bin");
    for (std::string const tool :
         {"sh", "dirname", "mkdir", "mktemp", "chmod", "rm", "mv", "find", "sed", "touch", "cat"}) {
      for (std::string const folder : {"/usr/bin/", "/bin/"}) {
        if (!fs::exists(path() / "bin" / tool) && fs::exists(folder + tool))
          fs::create_symlink(folder + tool, path() / "bin" / tool);
      }
    }
  }

  void add_tool(std::string const& name, std::string const& script) const {
    accrete::write_file_atomically(path() / "bin" / name, "#!/bin/sh\n" + script);
    fs::permissions(path() / "bin" / name, fs::perms::owner_all);
  }
  void add_packaging() const {
    add_tool("apt-get", "echo call >>'" + (path() / "calls").string() +
                            "'\nfor last; do :; done\ntouch \"${last}_1%3a2_all.deb\"\n");
    add_tool("dpkg-deb", "case $1 in -x) mkdir -p \"$3/usr\";; -f) echo 1:2;; esac\n");
  }

  /// Runs the script; what it wrote is in `out` and `errors`.
  int fetch() {
    std::string const command = "PATH='" + (path() / "bin").string() +
                                "' sh '" ACCRETE_SOURCE_DIR "/cmake/fetch_demo_text.sh' '" +
                                (path() / "text").string() + "' >'" + (path() / "out").string() +
                                "' 2>'" + (path() / "errors").string() + "'";
    int const status = std::system(command.c_str());
    out = accrete::read_file(path() / "out", 1 << 16);
    errors = accrete::read_file(path() / "errors", 1 << 16);
    return WEXITSTATUS(status);
  }

  std::string out, errors;
};

}  // namespace fetch_demo_text

BOOST_FIXTURE_TEST_SUITE(fetch_demo_text, fetch_demo_text::System)

BOOST_AUTO_TEST_CASE(packages_are_fetched_once) {
  add_packaging();
  BOOST_TEST(fetch() == 0);
  BOOST_TEST(out == (path() / "text").string() + "\n");
  BOOST_TEST(accrete::read_file(path() / "text/libreoffice-help-ru/version", 100) == "1:2\n");
  BOOST_TEST(fs::exists(path() / "text/debian-handbook/usr"));
  BOOST_TEST(accrete::read_file(path() / "calls", 1000).size() == 5 * 5U);
  BOOST_TEST(fetch() == 0);
  BOOST_TEST(errors == "");
  BOOST_TEST(accrete::read_file(path() / "calls", 1000).size() == 5 * 5U);
  for (auto const& entry : fs::directory_iterator(path() / "text")) {
    BOOST_TEST(!entry.path().filename().string().starts_with("."));
  }
}

BOOST_AUTO_TEST_CASE(without_apt_it_says_what_to_do) {
  BOOST_TEST(fetch() == 1);
  BOOST_TEST(errors.find("./run demo --text en=PATH") != std::string::npos);
  BOOST_TEST(errors.find("installation-guide-amd64") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_failed_download_leaves_nothing_behind) {
  add_packaging();
  add_tool("apt-get", "echo 'E: Unable to locate package'\nexit 100\n");
  BOOST_TEST(fetch() == 1);
  BOOST_TEST(errors.find("Unable to locate package") != std::string::npos);
  BOOST_TEST(errors.find("apt-get update") != std::string::npos);
  BOOST_TEST(fs::is_empty(path() / "text"));
}

BOOST_AUTO_TEST_SUITE_END()
