/// What an error says: BOOST_CHECK_EXCEPTION(call(), FileError, says("offset 8", "F33")).
#pragma once

#include <boost/test/unit_test.hpp>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace accrete_test {

/// Holds for an exception whose text contains each of `parts`; the test log shows a text that does not.
[[nodiscard]] auto says(auto const&... parts) {
  return [wanted = std::vector<std::string>{std::string(parts)...}](std::exception const& error) {
    std::string_view const text = error.what();
    for (std::string const& part : wanted) {
      if (text.find(part) == text.npos) {
        BOOST_TEST_MESSAGE("\"" << text << "\" does not say \"" << part << "\"");
        return false;
      }
    }
    return true;
  };
}

}  // namespace accrete_test
