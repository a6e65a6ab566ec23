// What the runners over ../shared/data share: reading folders, and a table of the places where our reading differs on
// purpose from a corpus' expectation.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "message/message.h"

namespace pabal::message::corpus {

inline std::filesystem::path folder(std::string_view name) {
  return std::filesystem::path(PABAL_SHARED_DATA) / "mime" / name;
}

#define PABAL_NEEDS_CORPUS(name)                                        \
  if (!std::filesystem::exists(::pabal::message::corpus::folder(name))) \
  GTEST_SKIP() << "no " << name << " in the shared data"

inline std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

// All files below a folder with one of these extensions (none named: all), sorted.
inline std::vector<std::filesystem::path> files(const std::filesystem::path& root,
                                                const std::set<std::string>& extensions = {}) {
  std::vector<std::filesystem::path> found;
  if (!std::filesystem::exists(root)) return found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root))
    if (entry.is_regular_file() && (extensions.empty() || extensions.contains(entry.path().extension().string())))
      found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

inline std::string with_crlf(std::string_view bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] == '\n' && (i == 0 || bytes[i - 1] != '\r')) out += '\r';
    out += bytes[i];
  }
  return out;
}

inline std::string with_lf(std::string_view bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i)
    if (bytes[i] != '\r' || i + 1 == bytes.size() || bytes[i + 1] != '\n') out += bytes[i];
  return out;
}

// "file what", or "file" for all of it -> why our reading is another one. Every entry must be met: what no longer
// differs must leave the table.
class Differences {
 public:
  using Table = std::map<std::string, std::string>;
  explicit Differences(Table table) : table_(std::move(table)) {}

  // Counts a comparison; a difference outside of the table fails the test.
  template <typename A, typename B>
  void compare(const std::string& file, const std::string& what, const A& ours, const B& theirs) {
    ++compared_;
    if (ours == theirs) return;
    const std::string key = file + " " + what;
    if (table_.contains(key))
      met_.insert(key);
    else if (table_.contains(file))
      met_.insert(file);
    else
      ADD_FAILURE() << key << "\n  ours:   " << shown(ours) << "\n  theirs: " << shown(theirs);
  }

  size_t compared() const { return compared_; }
  void expect_all_met() const {
    for (const auto& [key, reason] : table_)
      EXPECT_TRUE(met_.contains(key)) << "no longer differs: " << key << " (" << reason << ")";
  }

 private:
  template <typename T>
  static std::string shown(const T& value) {
    if constexpr (std::is_convertible_v<T, std::string_view>)
      return text::printable(value, 600) + " (" + std::to_string(std::string_view(value).size()) + ")";
    else
      return testing::PrintToString(value);
  }

  Table table_;
  std::set<std::string> met_;
  size_t compared_ = 0;
};

}  // namespace pabal::message::corpus
