import { readCompose } from './compose-source.js'
import type { ComposeFile, ComposeSources } from './compose-source.js'
import { applyExtends } from './extends.js'
import { applyIncludes } from './include.js'
import type { Project } from './include.js'
import { interpolateTree } from './interpolate.js'
import { mergeNodes, settle } from './merge.js'
import type { Node } from './node.js'
import type { ShapeCheck } from './shape.js'

interface ProjectContext extends ComposeSources {
  readonly check: ShapeCheck
}

/**
 * The files of a project as one tree, in the order of compose-go: each file is interpolated, given what it includes, its services what they
 * extend, and is laid over the files before it. Every value keeps its place. Null when a file cannot be used, or is still to be read.
 */
export function loadProject(project: Project, context: ProjectContext): Node | null {
  const roots = project.files.map((file) => loadFile(file, project, context))
  let model: Node | null = null
  for (const root of roots) {
    if (root === null) return null
    model = settle(model === null ? root : mergeNodes(model, root, '', context.report))
  }
  return model
}

function loadFile(file: ComposeFile, project: Project, context: ProjectContext): Node | null {
  const raw = readCompose(file, context)
  if (raw === null) return null
  const variables = (name: string): string | undefined => project.variables.get(name)
  const root = interpolateTree(raw, variables, context.report)
  const load = (other: Project): Node | null => loadIncluded(other, context)
  const complete = applyIncludes(root, file.path, project, { ...context, load })
  if (complete === null) return null
  return applyExtends(complete, file.path, { ...context, variables, directory: project.directory })
}

/** Only its resources are taken over, so the rest of it is checked here. What a service lacks may stand in a file that is laid over it. */
function loadIncluded(project: Project, context: ProjectContext): Node | null {
  const loaded = loadProject(project, context)
  return loaded === null ? null : context.check(loaded, context.report, ([section]) => section === 'services')
}
