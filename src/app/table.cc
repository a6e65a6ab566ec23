#include "app/table.h"

#include <fmt/format.h>

#include <algorithm>

namespace pabal::app {
namespace {

// Columns of a terminal: one a character, two for those of U+3000 to U+DFFF (kana, han, hangul).
size_t width(const std::string& cell) {
  size_t out = 0;
  for (const char c : cell) {
    const auto octet = static_cast<unsigned char>(c);
    if ((octet & 0xC0) != 0x80) out += octet >= 0xE3 && octet <= 0xED ? 2 : 1;
  }
  return out;
}

}  // namespace

std::string table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows) {
  if (rows.empty()) return {};
  std::vector<size_t> widths;
  for (const std::string& cell : head) widths.push_back(width(cell));
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size() && i < widths.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));

  std::string out;
  const auto line = [&](const std::vector<std::string>& cells) {
    for (size_t i = 0; i < cells.size() && i < widths.size(); ++i) {
      out += cells[i];
      if (i + 1 < cells.size()) out.append(widths[i] - width(cells[i]) + 2, ' ');
    }
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  };
  line(head);
  for (const auto& row : rows) line(row);
  return out;
}

std::string octets(uint64_t n) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  if (n < 1024) return fmt::format("{} B", n);
  double value = static_cast<double>(n);
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string span(Duration d) {
  const int64_t s = std::max<int64_t>(0, std::chrono::round<seconds>(d).count());
  if (s < 100) return fmt::format("{} s", s);
  if (s < 100 * 60) return fmt::format("{} min", (s + 30) / 60);
  if (s < 48 * 3600) return fmt::format("{} h", (s + 1'800) / 3600);
  return fmt::format("{} days", (s + 43'200) / 86'400);
}

}  // namespace pabal::app
