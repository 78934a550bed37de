// Package pull holds the nouns that every room of Pullgate shares: the question
// (Query), with what it is put (Credential, Source), what one registry answered
// (Finding), how several findings make one (AnyOf, AllOf, InTurn), and the
// closed sets of what can be said of pulling an image (Verdict, Reason, Note),
// which stand in one catalogue.
package pull
