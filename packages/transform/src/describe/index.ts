export { DESCRIPTION_TYPE, type DescriptionForm, describeImage, type ImageFacts } from "./describeImage.ts";
