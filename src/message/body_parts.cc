#include "message/body_parts.h"

#include <algorithm>
#include <string_view>

namespace pabal::message {
namespace {

bool is_media(const Part& part) { return part.type == "image" || part.type == "audio" || part.type == "video"; }

// RFC 8621 §4.1.4, step by step as it is written there. A null list takes nothing more.
class Sorter {
 public:
  explicit Sorter(BodyParts& out) : out_(out) {}
  using List = BodyParts::List;

  void walk(const List& parts, std::string_view type, bool in_alternative, List* html, List* text) {
    const size_t text_before = text ? text->size() : 0, html_before = html ? html->size() : 0;
    for (size_t i = 0; i < parts.size(); ++i) {
      const auto& [part, number] = parts[i];
      const bool plain = part->is_text() && part->subtype == "plain", rich = part->is_text() && part->subtype == "html";
      if (part->is_multipart()) {
        List below;
        size_t next = number + 1;
        for (const Part& child : part->children) {
          below.emplace_back(&child, next);
          next += part_count(child);
        }
        walk(below, part->subtype, in_alternative || part->subtype == "alternative", html, text);
        continue;
      }
      const bool is_inline = part->disposition != "attachment" && (plain || rich || is_media(*part)) &&
                             (i == 0 || (type != "related" && (is_media(*part) || part->filename().empty())));
      if (!is_inline) {
        out_.attachments.push_back(parts[i]);
        continue;
      }
      if (type == "alternative") {
        List* to = plain ? text : rich ? html : &out_.attachments;
        if (to) to->push_back(parts[i]);
        continue;
      }
      if (in_alternative && plain) html = nullptr;
      if (in_alternative && rich) text = nullptr;
      if (text) text->push_back(parts[i]);
      if (html) html->push_back(parts[i]);
      if ((!text || !html) && is_media(*part)) out_.attachments.push_back(parts[i]);
    }
    if (type != "alternative" || !text || !html) return;
    const bool no_text = text->size() == text_before, no_html = html->size() == html_before;
    if (no_text && !no_html) text->insert(text->end(), html->begin() + static_cast<long>(html_before), html->end());
    if (no_html && !no_text) html->insert(html->end(), text->begin() + static_cast<long>(text_before), text->end());
  }

 private:
  BodyParts& out_;
};

// A picture that HTML shows by its id is no file to save.
bool is_shown(const Part& part) { return is_media(part) && !part.id.empty() && part.disposition != "attachment"; }

bool has_file(const Part& part) {
  return (part.is_attachment() && !is_shown(part)) || std::any_of(part.children.begin(), part.children.end(), has_file);
}

}  // namespace

BodyParts body_parts(const Part& root) {
  BodyParts out;
  Sorter(out).walk({{&root, 0}}, "mixed", false, &out.html, &out.text);
  return out;
}

bool has_attachment(const Part& root) {
  if (has_file(root)) return true;
  const BodyParts::List attachments = body_parts(root).attachments;
  return std::any_of(attachments.begin(), attachments.end(),
                     [](const auto& one) { return one.first->disposition != "inline" && !is_shown(*one.first); });
}

}  // namespace pabal::message
