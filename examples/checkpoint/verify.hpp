/// accrete-checkpoint verify
#pragma once

#include <algorithm>
#include <cstdio>

#include "contents.hpp"

namespace verify_detail {

/// What is wrong with the file: damaged tensors by name, or the header.
struct Finding {
  bool has_hashes = false;
  std::size_t tensors = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> damage{};

  [[nodiscard]] Status status() const {
    return !damage.empty() ? is_damaged : has_hashes ? is_so : is_not_so;
  }
};

/// Files of ours have hashes since version 2 of their formats.
inline bool must_have_hashes(accrete::SafetensorsReader const& file) {
  auto const& metadata = file.metadata();
  auto const format = metadata.find("format"), version = metadata.find("format_version");
  return format != metadata.end() && format->second.starts_with("accrete ") &&
         version != metadata.end() && version->second != "1";
}

inline Finding examine(std::string const& name) {
  Finding finding;
  try {
    accrete::SafetensorsReader const file = open(name, false);
    finding.has_hashes = file.has_hashes();
    if (!finding.has_hashes && must_have_hashes(file)) finding.damage.push_back("no hashes");
    finding.tensors = file.tensors().size();
    for (accrete::TensorInfo const& tensor : file.tensors()) {
      auto const* const stated = file.stated_digest(tensor);
      auto const digest = file.digest_of(tensor);
      finding.bytes += tensor.byte_count();
      if (stated != nullptr && digest != *stated) finding.damage.push_back("tensor " + tensor.name);
    }
    try {
      static_cast<void>(open(name, true));
    } catch (accrete::FileError const&) {
      finding.damage.insert(finding.damage.begin(), "header");
    }
  } catch (accrete::FileError const& error) {
    finding.damage.push_back(error.what());
  }
  return finding;
}

}  // namespace verify_detail

[[nodiscard]] inline Status verify(Arguments const& arguments) {
  Status worst = is_so;
  for (std::string const& file : arguments.files) {
    verify_detail::Finding const finding = verify_detail::examine(file);
    Status const status = finding.status();
    if (worst != is_damaged && status != is_so) worst = status;
    if (arguments.json) {
      accrete::Json damage = accrete::Json::array();
      for (std::string const& what : finding.damage) damage.push_back(what);
      accrete::Json const row = accrete::Json::object({{"file", file},
                                                       {"whole", status == is_so},
                                                       {"hashes", finding.has_hashes},
                                                       {"tensors", finding.tensors},
                                                       {"bytes", finding.bytes},
                                                       {"damage", std::move(damage)}});
      std::printf("%s\n", row.dump().c_str());
      continue;
    }
    if (status == is_so)
      std::printf("%s: whole: %zu tensors, %llu bytes\n", file.c_str(), finding.tensors,
                  static_cast<unsigned long long>(finding.bytes));
    else if (status == is_not_so)
      std::printf("%s: can be read, but has no hashes to compare with\n", file.c_str());
    for (std::string const& what : finding.damage)
      std::printf("%s: damaged: %s\n", file.c_str(), printable(what).c_str());
  }
  return worst;
}
