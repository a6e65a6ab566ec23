// Office Open XML (ECMA-376) and OpenDocument (ISO/IEC 26300): archives of XML, of which the elements that hold text
// are read. No document type is looked at, so no entity but XML's own five means anything.
#include <algorithm>
#include <charconv>

#include "extract/text.h"
#include "extract/zip.h"

namespace pabal::extract {
namespace {

// What the XML of a kind of file means for its text, by local names of elements.
struct Dialect {
  std::vector<std::string_view> text;   // their characters are text; none: all are
  std::vector<std::string_view> lines;  // behind them a line ends
  std::vector<std::string_view> blanks;
};
const Dialect kOoxml = {{"t", "v"}, {"p", "si", "row", "is"}, {"tab", "br", "cr", "tc", "c"}};
const Dialect kOdf = {{}, {"p", "h", "table-row"}, {"s", "tab", "line-break", "table-cell"}};

bool lists(const std::vector<std::string_view>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void characters(std::string_view raw, Text& out) {
  while (!raw.empty() && !out.full()) {
    const size_t mark = std::min(raw.find('&'), raw.size());
    out.add(raw.substr(0, mark));
    raw.remove_prefix(mark);
    if (raw.empty()) return;
    const size_t end = raw.substr(0, 12).find(';');
    if (end == raw.npos) {
      raw.remove_prefix(1);
      continue;
    }
    std::string_view name = raw.substr(1, end - 1);
    raw.remove_prefix(end + 1);
    if (name.starts_with('#')) {
      const bool hex = name.size() > 1 && (name[1] == 'x' || name[1] == 'X');
      name.remove_prefix(hex ? 2 : 1);
      uint32_t c = 0;
      std::from_chars(name.data(), name.data() + name.size(), c, hex ? 16 : 10);
      out.character(c);
    } else {
      out.add(name == "amp"    ? "&"
              : name == "lt"   ? "<"
              : name == "gt"   ? ">"
              : name == "quot" ? "\""
              : name == "apos" ? "'"
                               : "");
    }
  }
}

void text_of_xml(std::string_view xml, const Dialect& dialect, Text& out) {
  int inside = 0;         // of elements with text
  bool is_index = false;  // <c t="s">: its value is the number of a string that is elsewhere
  while (!xml.empty() && !out.full()) {
    const size_t open = std::min(xml.find('<'), xml.size());
    if (dialect.text.empty() || inside > 0) characters(xml.substr(0, open), out);
    xml.remove_prefix(open);
    if (xml.starts_with("<![CDATA[")) {
      const size_t end = std::min(xml.find("]]>"), xml.size());
      if (dialect.text.empty() || inside > 0) out.add(xml.substr(9, end - std::min<size_t>(end, 9)));
      xml.remove_prefix(std::min(end + 3, xml.size()));
      continue;
    }
    if (xml.starts_with("<!--")) {
      xml.remove_prefix(std::min(std::min(xml.find("-->"), xml.size()) + 3, xml.size()));
      continue;
    }
    const size_t close = std::min(xml.find('>'), xml.size());
    std::string_view tag = xml.substr(0, close);
    xml.remove_prefix(std::min(close + 1, xml.size()));
    if (tag.size() < 2 || tag[1] == '?' || tag[1] == '!') continue;
    const bool ends = tag[1] == '/', empty = tag.ends_with('/');
    tag.remove_prefix(ends ? 2 : 1);
    std::string_view name = tag.substr(0, tag.find_first_of(" \t\r\n/"));
    if (const size_t colon = name.find(':'); colon != name.npos) name.remove_prefix(colon + 1);
    if (name == "c" && !ends) is_index = tag.find(" t=\"s\"") != tag.npos;
    if (lists(dialect.text, name) && !empty && !(name == "v" && is_index))
      inside = ends ? std::max(inside - 1, 0) : inside + 1;
    if (!ends && !empty) continue;
    if (lists(dialect.lines, name)) out.part('\n');
    if (lists(dialect.blanks, name)) out.part(' ');
  }
  out.part('\n');
}

bool has_text(std::string_view name) {
  const auto is_in = [&](std::string_view folder, std::string_view begins) {
    return name.starts_with(folder) && name.substr(folder.size()).starts_with(begins) && name.ends_with(".xml");
  };
  return is_in("word/", "document") || is_in("word/", "header") || is_in("word/", "footer") ||
         is_in("word/", "footnotes") || is_in("word/", "endnotes") || is_in("word/", "comments") ||
         is_in("xl/", "sharedStrings") || is_in("xl/worksheets/", "sheet") || is_in("ppt/slides/", "slide") ||
         is_in("ppt/notesSlides/", "notesSlide");
}

}  // namespace

std::string text_of_office(std::string_view octets) {
  const auto zip = Zip::open(octets);
  if (!zip) return {};
  Text out;
  Budget budget{kMaxUnpacked};
  for (const Zip::Entry& entry : zip->entries()) {
    if (out.full() || budget.octets == 0) break;
    if (entry.name == "content.xml")
      text_of_xml(zip->read(entry, budget), kOdf, out);
    else if (has_text(entry.name))
      text_of_xml(zip->read(entry, budget), kOoxml, out);
  }
  return out.take();
}

std::string text_of(std::string_view file) {
  file = file.substr(0, kMaxFile);
  if (file.starts_with("PK\3\4")) return text_of_office(file);
  if (file.starts_with("{\\rtf")) return text_of_rtf(file);
  if (file.substr(0, 1024).find("%PDF-") != file.npos) return text_of_pdf(file);  // as readers of it do
  return {};
}

}  // namespace pabal::extract
