// The MIME-tools messages: X.msg against X.ref, a Perl table with one entry a part ("Part_3_1": the first in the
// third).
#include <cstdlib>

#include "message/corpus_test.h"
#include "message/header.h"

namespace pabal::message {
namespace {

// Where the expectation there is not what the RFCs say, or not what we choose to say.
const corpus::Differences::Table kDiffers = {
    {"multi-2evil Part_2.Filename",
     "a backslash in a quoted string: RFC 5322 §3.2.4 removes it there; we keep DOS paths whole"},
    {"multi-2evil Part_2.filename()", "the same: what stands before a backslash is a path"},
    {"multi-digest Part_2_1.Type", "\"text\" alone is no type: text/plain (RFC 2045 §5.2)"},
    {"multi-nested2 Part_5_1.Size", "counts the line end that belongs to the boundary (RFC 2046 §5.1.1)"},
};

using Entry = std::map<std::string, std::string>;

// A Perl string in quotes: \" \@ \\ and \x{hex}.
std::string unescaped(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] != '\\')
      out += s[i];
    else if (s.substr(i).starts_with("\\x{")) {
      const long code = std::strtol(s.data() + i + 3, nullptr, 16);  // Cyrillic: two octets
      out += static_cast<char>(0xC0 | code >> 6);
      out += static_cast<char>(0x80 | (code & 63));
      i = s.find('}', i);
    } else
      out += s[++i];
  }
  return out;
}

std::map<std::string, Entry> read_ref(const std::string& text) {
  std::map<std::string, Entry> out;
  std::string section;
  for (std::string_view line : text::split(text, '\n')) {
    line = text::trim(line);
    const size_t name_end = line.find('"', 1), arrow = line.find("=>");
    if (!line.starts_with('"') || arrow == line.npos) continue;
    const std::string name(line.substr(1, name_end - 1));
    std::string_view value = text::trim(line.substr(arrow + 2));
    if (value.starts_with('{'))
      section = name;
    else {
      if (value.ends_with(',')) value.remove_suffix(1);
      if (value.starts_with("qq{"))
        value = value.substr(3, value.size() - 4);
      else if (value.starts_with('"'))
        value = value.substr(1, value.size() - 2);
      out[section][name] = unescaped(value);
    }
  }
  return out;
}

// The part that "Part_3_1" names. MIME-tools counts an embedded message as the only child of its part.
const Part* named(const Part& root, std::string_view name) {
  const Part* part = &root;
  for (const std::string_view number : text::split(name, '_')) {
    if (number == "Part" || number == "Msg") continue;
    const size_t index = *text::parse_u64(number);
    if (index == 0 || index > part->children.size()) return nullptr;
    part = &part->children[index - 1];
  }
  return part;
}

TEST(MimeToolsCorpus, EveryPartIsAsItsReferenceSays) {
  PABAL_NEEDS_CORPUS("MIME-tools");
  corpus::Differences differences(kDiffers);
  for (const auto& path : corpus::files(corpus::folder("MIME-tools"), {".ref"})) {
    const std::string stem = path.stem().string();
    const std::filesystem::path message = path.parent_path() / (stem + ".msg");
    if (!std::filesystem::exists(message)) continue;
    const std::string bytes = corpus::read(message);
    const Message m = parse(bytes);
    for (const auto& [name, entry] : read_ref(corpus::read(path))) {
      if (name == "Parser" || name.empty()) continue;
      const Part* part = named(m.root, name);
      if (!part) {
        differences.compare(stem, name, std::string("no such part"), std::string("a part"));
        continue;
      }
      const auto fields = header_fields(part->header(bytes));
      for (const auto& [key, value] : entry) {
        const auto same = [&](const std::string& ours) { differences.compare(stem, name + "." + key, ours, value); };
        if (key == "Type")
          same(part->type + "/" + part->subtype);
        else if (key == "Encoding")
          same(part->encoding);
        else if (key == "Charset")
          same(part->charset());
        else if (key == "Disposition")
          same(part->disposition);
        else if (key == "Boundary")
          same(part->param("boundary") ? *part->param("boundary") : "");
        else if (key == "Filename") {  // as written; Part::filename() drops the path
          std::string ours = part->param("name") ? *part->param("name") : "";
          for (const auto& [k, v] : part->disposition_params)
            if (k == "filename") ours = v;
          same(ours);
          differences.compare(stem, name + ".filename()", part->filename(),
                              value.substr(value.find_last_of("/\\") + 1));
        } else if (key == "Size")
          same(std::to_string(part_content(bytes, *part).size()));
        else if (key == "Subject" || key == "From" || key == "To") {
          differences.compare(stem, name + "." + key, unfold(find_field(fields, key).value_or("")), unfold(value));
        }
      }
    }
  }
  EXPECT_GT(differences.compared(), 200u);
  differences.expect_all_met();
}

}  // namespace
}  // namespace pabal::message
