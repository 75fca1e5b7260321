// Uploads with progress: `fetch` cannot tell how much of a body has been sent.
import type { Schemas } from './client';
import { ApiError, type Problem } from './errors';

/** Sends one package and answers what became of it. `onProgress` gets percent from 0 to 100. */
export function uploadPackage(
  file: File,
  onProgress: (percent: number) => void,
): Promise<Schemas['Version'][]> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', `/api/v1/packages?filename=${encodeURIComponent(file.name)}`);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.upload.addEventListener('progress', (event) => {
      if (event.lengthComputable) onProgress(Math.round((event.loaded / event.total) * 100));
    });
    request.addEventListener('error', () => reject(new ApiError({}, 0)));
    request.addEventListener('load', () => {
      const body = parsed(request.responseText);
      if (request.status >= 200 && request.status < 300) resolve(versionsOf(body));
      else reject(new ApiError((body ?? {}) as Problem, request.status));
    });
    request.send(file);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const versionsOf = (body: unknown) => (Array.isArray(body) ? body : [body]) as Schemas['Version'][];
