// A plugin of clang-tidy that has it look at what a source itself declares. By itself it looks at all that the source
// imports, too, which takes it some twenty times as long and finds nothing more. scripts/check-style.sh builds and
// loads it.

#include <clang-tidy/ClangTidyCheck.h>
#include <clang-tidy/ClangTidyModule.h>
#include <clang-tidy/ClangTidyModuleRegistry.h>
#include <clang/AST/ASTContext.h>
#include <clang/ASTMatchers/ASTMatchFinder.h>

#include <vector>

namespace {

/// The translation unit is matched before what is in it is visited: its match can still choose what that is.
class OwnDeclarations : public clang::tidy::ClangTidyCheck {
 public:
    using ClangTidyCheck::ClangTidyCheck;

    void registerMatchers(clang::ast_matchers::MatchFinder* finder) override {
        finder->addMatcher(clang::ast_matchers::translationUnitDecl().bind("unit"), this);
    }

    void check(const clang::ast_matchers::MatchFinder::MatchResult& result) override {
        const clang::SourceManager& sources = *result.SourceManager;
        std::vector<clang::Decl*> own;
        for (clang::Decl* declared : result.Nodes.getNodeAs<clang::TranslationUnitDecl>("unit")->noload_decls())
            if (!declared->isFromASTFile() && sources.isInMainFile(sources.getExpansionLoc(declared->getLocation())))
                own.push_back(declared);
        result.Context->setTraversalScope(own);
    }
};

class Module : public clang::tidy::ClangTidyModule {
 public:
    void addCheckFactories(clang::tidy::ClangTidyCheckFactories& factories) override {
        factories.registerCheck<OwnDeclarations>("own-declarations");
    }
};

const clang::tidy::ClangTidyModuleRegistry::Add<Module> added("own", "what a source itself declares");

}  // namespace
